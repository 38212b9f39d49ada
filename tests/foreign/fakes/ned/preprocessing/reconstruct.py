import argparse
import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from facekit import need_card, note, numbered, picture, save


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--gpu_id", type=int, default="0")
    parser.add_argument("--save_renderings", action="store_true")
    parser.add_argument("--save_shapes", action="store_true")
    parser.add_argument("--save_nmfcs", action="store_true")
    args = parser.parse_args()
    need_card()
    for needed in ("generic_model.pkl", "deca_model.tar", "FLAME_albedo_from_BFM.npz"):
        assert Path("DECA/data", needed).exists(), f"DECA/data/{needed}: no such file"
    if (Path(args.celeb) / "DECA").exists():
        print("3D face reconstruction already done!")
        return
    for image in numbered(Path(args.celeb) / "images"):
        face = picture(image)
        coefficients = Path(str(image).replace("/images", "/DECA").replace(".png", ".pkl"))
        coefficients.parent.mkdir(exist_ok=True)
        coefficients.write_bytes(pickle.dumps({"exp": float(face[..., 0].mean()), "pose": 0.0}))
        for wanted, folder in ((args.save_shapes, "/shapes"), (args.save_nmfcs, "/nmfcs")):
            if wanted:
                save(str(image).replace("/images", folder), face)


if __name__ == "__main__":
    main()
