from pathlib import Path

from renderer.options.test_options import parse  # fails unless the root is on the path, as upstream  # isort: skip
from facekit import note, numbered, picture, save, tinted


def main():
    note()
    opt = parse()
    celeb, edited = Path(opt.celeb), Path(opt.celeb, opt.exp_name)
    network = Path(opt.checkpoints_dir, opt.which_epoch + "_net_G.pth")
    if not network.is_file():
        print(f"{network} not exists yet!")
        raise TypeError("exceptions must derive from BaseException")
    meshes, faces = numbered(edited / "nmfcs_aligned"), numbered(celeb / "faces_aligned")
    assert len(meshes) == len(faces), (
        "Number of NMFC frames in sequence different than corresponding RGB frames."
    )
    for last in range(opt.n_frames_G - 1, len(meshes)):
        style = picture(meshes[last])[0, 0]
        save(edited / "faces_aligned" / meshes[last].name, tinted(picture(faces[last]), style))


if __name__ == "__main__":
    main()
