"""The published tools one after another, each in its published way, on the same videos and the same weights.

What each does is what its README or script does: read the video for itself by OpenCV, one picture at a time
where the script takes one picture at a time, look for faces for itself by facenet-pytorch's MTCNN where it
looks for faces (SyncNet's S3FD, whose weights are not to be had here, is a larger network). Nothing is shared
but the frames that FID, KID, LPIPS, SSIM and PSNR find in one folder.

Given the very frames that ours reads, the tools take the whole without what `Book` counts as left out, but
for FID and KID, which work in batches: `Tools.given_the_same` runs those two once more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from spfem_bench.clips import open_clip
from spfem_bench.stages.generate import pinned_threads
from spfem_metrics.networks import i3d, lpips_nets, onnx_classifier
from spfem_metrics.networks.checkpoints import fill
from spfem_metrics.networks.files import load_strict, state_dict
from spfem_metrics.sampling import Frames
from tests.benchmarks.standard_workload import Reads, Workload, kept
from tests.benchmarks.stopwatch import Stopwatch
from tests.benchmarks.upstream_book import IMPORTS, Book, bare_import, kid_subsets
from tests.benchmarks.upstream_rules import (
    Frame,
    cut,
    evaluated,
    frechet,
    gauss,
    logits,
    psnr,
    read,
    ssim,
    uniform,
    whole,
    windows,
)

IMPORTED = (
    "facenet_pytorch",
    "lpips",
    "mediapipe",
    "onnxruntime",
    "open_clip",
    "python_speech_features",
    "torch_fidelity",
)
"""Imported before the clock starts, as ours are."""
SIDES = ("real", "generated")


class Tools:
    """The tools and their results.

    Args:
        load: the videos, weights, device and number of torch's threads. onnxruntime and MediaPipe are on the
            CPU whatever the device, as in ours.
        folder: where the tools may write.
        reads: what ours reads of each clip.
        watch: counts each tool under its name, and the words of `tests.benchmarks.upstream_book`.
    """

    def __init__(self, load: Workload, folder: Path, reads: Reads, watch: Stopwatch) -> None:
        self._load, self._folder, self._reads = load, folder, reads
        self._device, self._book = load.spec.device, Book(watch)
        self._importing = 0.0
        self._chosen_logits: tuple[np.ndarray, ...] = ()
        self.scores: dict[str, float] = {}
        """In the published way."""
        self.of_the_same: dict[str, float] = {}
        """Given the very frames that ours reads, where that is another number."""

    def run(self) -> None:
        """All of them, one after another."""
        self._importing = bare_import(self._environment)
        with pinned_threads(self._load.spec.threads):
            for tool in (
                self.frames,
                self.fid,
                self.kid,
                self.lpips,
                self.ssim_psnr,
                self.fvd,
                self.syncnet,
                self.facenet,
                self.hsemotion,
                self.clip,
                self.landmarks,
            ):
                self.scores |= self._book.counted(tool)

    def given_the_same(self, watch: Stopwatch) -> None:
        """FID and KID once more on the chosen frames; where all are chosen their times are those of `run`."""
        self.of_the_same["fvd"] = frechet(*self._chosen_logits)
        folder = self._folder / "chosen"
        lengths = [open_clip(video).frame_count for video in self._outputs]
        chosen = [kept(length, self._reads.inception) for length in lengths]
        everything = self._book.watch
        if lengths == [len(some) for some in chosen]:
            self.of_the_same |= {name: self.scores[name] for name in ("fid", "kid")}
            watch.front.update({name: everything.front[name] for name in ("fid", "kid")})
        else:
            for side in SIDES:
                (folder / side).mkdir(parents=True)
                for picture in self._folder.joinpath(side).iterdir():
                    number, at = map(int, picture.stem.split("_"))
                    if at in chosen[number]:
                        (folder / side / picture.name).hardlink_to(picture)
            self._book = Book(watch)
            with pinned_threads(self._load.spec.threads):
                for tool in (self.fid, self.kid):
                    self.of_the_same |= self._book.counted(tool, folder)

    @property
    def _environment(self) -> dict[str, str]:
        threads = str(self._load.spec.threads)
        pins = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        return {**os.environ, **pins, "TORCH_HOME": str(self._folder / "torch")}

    @property
    def _outputs(self) -> list[Path]:
        return [output for output, _ in self._load.pairs]

    @property
    def _sources(self) -> list[Path]:
        return [source for _, source in self._load.pairs]

    def frames(self) -> dict[str, float]:
        """Every video to PNG files, as the tools that take folders are fed.

        Given the same frames none is written that neither FID and KID nor the comparisons take.
        """
        for side, videos in (("generated", self._outputs), ("real", self._sources)):
            (self._folder / side).mkdir(parents=True)
            for number, video in enumerate(videos):
                length = open_clip(video).frame_count
                own = kept(length, self._reads.inception) | kept(length, self._reads.pairs)
                for at, frame in enumerate(read(video)):
                    with self._book.taken(at in own):
                        cv2.imwrite(str(self._folder / side / f"{number:03}_{at:05}.png"), frame)
        return {}

    def _compared(self, *names: str, by: Callable[[Path, Path], Sequence[float]]) -> dict[str, float]:
        """Means of what a tool finds between the pictures of one name, picture by picture.

        Over all pictures; over those that ours compares they are put into `of_the_same`.
        """
        own = [kept(open_clip(video).frame_count, self._reads.pairs) for video in self._outputs]
        every, chosen = [], []
        for generated in sorted((self._folder / "generated").iterdir()):
            number, at = map(int, generated.stem.split("_"))
            with self._book.taken(at in own[number]):
                every.append(by(generated, self._folder / "real" / generated.name))
            chosen += [every[-1]] if at in own[number] else []
        all_of_them, some = (np.mean(rows, axis=0).tolist() for rows in (every, chosen))
        self.of_the_same |= dict(zip(names, some, strict=True))
        return dict(zip(names, all_of_them, strict=True))

    def fid(self, folder: Path | None = None) -> dict[str, float]:
        """``python -m pytorch_fid real generated``, without what its process takes to import its modules."""
        home = self._folder / "torch" / "hub" / "checkpoints"
        home.mkdir(parents=True, exist_ok=True)
        planted = home / "pt_inception-2015-12-05-6726825d.pth"
        if not planted.exists():
            planted.symlink_to(self._load.weights["inception-fid"])
        command = [sys.executable, "-m", "pytorch_fid", "--device", self._device, *SIDES]
        said = subprocess.run(
            command,
            cwd=folder or self._folder,
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
        )
        self._book.watch.set_aside("fid", self._importing, IMPORTS)
        return {"fid": float(re.findall(r"FID:\s*([-\d.e+]+)", said.stdout)[0])}

    def kid(self, folder: Path | None = None) -> dict[str, float]:
        """torch-fidelity's KID; it computes its features for itself."""
        from torch_fidelity import calculate_metrics

        real, generated = ((folder or self._folder) / side for side in SIDES)
        found = calculate_metrics(
            input1=str(generated),
            input2=str(real),
            kid=True,
            feature_extractor_weights_path=str(self._load.weights["inception-fid"]),
            cuda=self._device != "cpu",
            verbose=False,
            **kid_subsets(sum(1 for _ in real.iterdir())),
        )
        return {"kid": float(found["kernel_inception_distance_mean"])}

    def lpips(self) -> dict[str, float]:
        """``lpips_2dirs.py``: picture by picture."""
        import lpips

        network = lpips.LPIPS(pretrained=False, pnet_rand=True, net="alex", version="0.1", verbose=False)
        trunk = state_dict(self._load.weights["alexnet"])
        heads = state_dict(self._load.weights["lpips-alex-heads"])
        tensors = lpips_nets._trunk_tensors(network, trunk) | lpips_nets._head_tensors(heads, Path("heads"))
        load_strict(network, tensors | lpips_nets._constants(), self._load.weights["alexnet"])
        network.eval().to(self._device)

        def distance(*pair: Path) -> tuple[float]:
            given = [lpips.im2tensor(lpips.load_image(str(path))).to(self._device) for path in pair]
            with torch.no_grad():
                return (float(network(*given)),)

        return self._compared("lpips-alex", by=distance)

    def ssim_psnr(self) -> dict[str, float]:
        """scikit-image's rules: SSIM by uniform and by Gaussian windows, PSNR."""

        def compared(*pair: Path) -> tuple[float, float, float]:
            a, b = (cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in pair)
            return ssim(a, b, uniform, 3, 49 / 48), ssim(a, b, gauss, 5, 1.0), psnr(a, b)

        return self._compared("ssim-skimage", "ssim", "psnr", by=compared)

    def fvd(self) -> dict[str, float]:
        """common_metrics: a video's pictures to 224 px, 16 at a time through I3D, the matrix root."""
        network = i3d.blank()
        counters = {n: torch.tensor(0) for n in network.state_dict() if n.endswith("num_batches_tracked")}
        load_strict(network, counters | dict(state_dict(self._load.weights["i3d-kinetics400"])), Path("i3d"))
        network.eval().to(self._device)
        sides = [self._logits(network, videos) for videos in (self._outputs, self._sources)]
        every, self._chosen_logits = zip(*sides, strict=True)
        return {"fvd": frechet(*every)}

    def _logits(self, network: torch.nn.Module, videos: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        """(n, 400) of every window, (m, 400) of those that ours reads."""
        every, chosen = [], []
        for video in videos:
            cuts = windows(video)
            own = kept(len(cuts), self._reads.i3d)
            for at, window in enumerate(cuts):
                with self._book.taken(at in own):
                    every.append(logits(network, window, self._device))
                chosen += [every[-1]] if at in own else []
        return np.stack(every), np.stack(chosen)

    def syncnet(self) -> dict[str, float]:
        """syncnet_python: a face in every frame, JPEGs of its crops, sliding windows in batches of 20."""
        from python_speech_features import mfcc

        state = torch.load(self._load.weights["syncnet-v2"], weights_only=True, map_location=self._device)
        detector, rows = self._detector(), []
        for number, video in enumerate(self._outputs):
            folder = self._folder / "syncnet" / str(number)
            folder.mkdir(parents=True)
            for at, frame in enumerate(read(video)):
                crop = cv2.resize(cut(frame, self._book.look(detector, frame, video), 1.4), (224, 224))
                cv2.imwrite(str(folder / f"{at:06}.jpg"), crop)
            pictures = [cv2.imread(str(path)) for path in sorted(folder.iterdir())]
            sound = open_clip(video).audio(16000)
            assert sound is not None
            cepstra = mfcc((sound * 32768).astype(np.int16), 16000)
            rows.append(evaluated(state, pictures, cepstra, self._device))
        return dict(zip(("lse-d", "lse-c"), np.mean(rows, axis=0).tolist(), strict=True))

    def facenet(self) -> dict[str, float]:
        """facenet-pytorch's README: MTCNN finds and cuts, the network embeds, picture by picture."""
        from facenet_pytorch import InceptionResnetV1
        from facenet_pytorch.models.utils.detect_face import extract_face

        network = InceptionResnetV1(pretrained=None, classify=True, num_classes=8631).eval()
        fill(network, self._load.weights["facenet-vggface2"])
        network.to(self._device)
        network.classify, detector = False, self._detector()

        def embedded(frame: Frame, video: Path) -> torch.Tensor:
            picture = Image.fromarray(frame[..., ::-1])
            box = self._book.look(detector, frame, video)
            face = extract_face(picture, whole(frame) if box is None else box, 160)
            with torch.no_grad():
                return network((face.to(self._device) - 127.5)[None] / 128)

        found = [
            float(embedded(a, output) @ embedded(b, source).T)
            for output, source in self._load.pairs
            for a, b in zip(read(output), read(source), strict=True)
        ]
        return {"csim-id": float(np.mean(found))}

    def hsemotion(self) -> dict[str, float]:
        """HSEmotion's ONNX engine: a face cut out, resized by OpenCV, classified, picture by picture."""
        import onnxruntime

        model, options = str(self._load.weights["hsemotion-enet-b0-8-vgaf"]), onnxruntime.SessionOptions()
        options.intra_op_num_threads = onnx_classifier.THREADS
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        name = session.get_inputs()[0].name

        def classified(face: Frame) -> int:
            x = (cv2.resize(face[..., ::-1], (224, 224)) / 255 - mean) / std
            (given,) = session.run(None, {name: x.transpose(2, 0, 1)[None].astype(np.float32)})
            return int(given.argmax())

        return {"hsemotion": self._share_of(classified, 1.0, "all")[0]}

    def clip(self) -> dict[str, float]:
        """open_clip's zero-shot example: its transform of a PIL image, picture by picture."""
        import open_clip

        network, _, transform = open_clip.create_model_and_transforms(
            "ViT-B-32-quickgelu", pretrained=str(self._load.weights["clip-vit-b-32-openai"])
        )
        network.eval().to(self._device)
        words = ["neutral", "angry", "disgusted", "fearful", "happy", "sad", "surprised"]
        text = open_clip.tokenize([f"a photo of a person who looks {word}." for word in words])
        with torch.no_grad():
            classes = F.normalize(network.encode_text(text.to(self._device)), dim=-1)

        def classified(face: Frame) -> int:
            picture = transform(Image.fromarray(np.ascontiguousarray(face[..., ::-1])))[None].to(self._device)
            with torch.no_grad():
                return int((F.normalize(network.encode_image(picture), dim=-1) @ classes.T).argmax())

        every, self.of_the_same["clip"] = self._share_of(classified, 1.3, self._reads.clip)
        return {"clip": every}

    def landmarks(self) -> dict[str, float]:
        """MediaPipe's example for pictures, frame by frame, as scripts of landmark distance use it."""
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        model = str(self._load.weights["mediapipe-face-landmarker"])
        options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=model))

        def points(frame: Frame) -> np.ndarray:
            picture = mp.Image(mp.ImageFormat.SRGB, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            with self._book.looking():
                (face,) = landmarker.detect(picture).face_landmarks
            return np.array([(p.x * frame.shape[1], p.y * frame.shape[0]) for p in face])

        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            found = [
                np.linalg.norm(points(a) - points(b), axis=1).mean()
                for output, source in self._load.pairs
                for a, b in zip(read(output), read(source), strict=True)
            ]
        return {"landmarks-px": float(np.mean(found))}

    def _share_of(
        self, classified: Callable[[Frame], int], factor: float, chosen: Frames
    ) -> tuple[float, float]:
        """Share of outputs that are taken for the same emotion, by most frames, as their real clip.

        By all frames, and by the chosen ones.
        """
        detector, votes = self._detector(), []
        for video in [*self._outputs, *self._sources]:
            own, seen = kept(open_clip(video).frame_count, chosen), []
            for at, frame in enumerate(read(video)):
                with self._book.taken(at in own):
                    seen.append(classified(cut(frame, self._book.look(detector, frame, video), factor)))
            among = [label for at, label in enumerate(seen) if at in own]
            votes.append([int(np.bincount(labels).argmax()) for labels in (seen, among)])
        outputs, sources = np.split(np.array(votes), 2)
        every, some = (outputs == sources).mean(axis=0)
        return float(every), float(some)

    def _detector(self) -> Any:
        from facenet_pytorch import MTCNN

        return MTCNN(image_size=160, margin=0, device=self._device)
