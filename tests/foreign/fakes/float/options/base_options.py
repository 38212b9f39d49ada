"""The arguments of the released options that the wrapper can meet, with their defaults."""

import argparse


class BaseOptions:
    def parse(self):
        return self.initialize(argparse.ArgumentParser(allow_abbrev=False)).parse_args()

    def initialize(self, parser):
        parser.add_argument("--seed", default=15, type=int)
        parser.add_argument("--fix_noise_seed", action="store_true")
        parser.add_argument("--input_size", type=int, default=512)
        parser.add_argument("--fps", type=float, default=25.0)
        parser.add_argument("--sampling_rate", type=int, default=16000)
        parser.add_argument("--wav2vec_sec", default=2, type=float)
        parser.add_argument("--wav2vec_model_path", default="./checkpoints/wav2vec2-base-960h")
        parser.add_argument(
            "--audio2emotion_path", default="./checkpoints/wav2vec-english-speech-emotion-recognition"
        )
        parser.add_argument("--nfe", default=10, type=int)
        parser.add_argument("--a_cfg_scale", default=2.0, type=float)
        parser.add_argument("--e_cfg_scale", default=1.0, type=float)
        parser.add_argument("--r_cfg_scale", default=1.0, type=float)
        return parser
