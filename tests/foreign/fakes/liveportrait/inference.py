"""Stand-in for LivePortrait's inference.py: its arguments as tyro reads them, its files, its time."""

import sys
from pathlib import Path

from src.config.argument_config import parse
from src.live_portrait_pipeline import LivePortraitPipeline

WEIGHTS = (
    "insightface/models/buffalo_l/2d106det.onnx",
    "insightface/models/buffalo_l/det_10g.onnx",
    "liveportrait/landmark.onnx",
    "liveportrait/base_models/appearance_feature_extractor.pth",
    "liveportrait/base_models/motion_extractor.pth",
    "liveportrait/base_models/spade_generator.pth",
    "liveportrait/base_models/warping_module.pth",
    "liveportrait/retargeting_models/stitching_retargeting_module.pth",
)


def main():
    args = parse(sys.argv[1:])
    for given in (args.source, args.driving):
        if not Path(given).exists():
            raise FileNotFoundError(f"info not found: {given}")
    weights = Path(__file__).resolve().parent / "pretrained_weights"
    for name in WEIGHTS:
        (weights / name).read_bytes()
    LivePortraitPipeline(inference_cfg=args, crop_cfg=args).execute(args)


if __name__ == "__main__":
    main()
