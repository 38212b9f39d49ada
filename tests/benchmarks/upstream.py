"""The published tools one after another, each in its published way, on the same videos and the same weights.

What each does is what its README or script does: read the video for itself by OpenCV, one picture at a time
where the script takes one picture at a time, look for faces for itself by facenet-pytorch's MTCNN where it
looks for faces (SyncNet's S3FD, whose weights are not to be had here, is a larger network). Nothing is shared
but the frames that FID, KID, LPIPS, SSIM and PSNR find in one folder. Detection is counted apart.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter, uniform_filter
from torch.nn import functional as F

from spfem_bench.clips import open_clip
from spfem_metrics.networks import i3d, lpips_nets
from spfem_metrics.networks.checkpoints import fill
from spfem_metrics.networks.files import load_strict, state_dict
from tests.benchmarks.standard_workload import Workload
from tests.benchmarks.stopwatch import Stopwatch
from tests.support import syncnet as published_syncnet

DETECT = "detect"
Frame = np.ndarray
Box = np.ndarray | None


class Tools:
    """The tools and their results.

    Args:
        load: the videos and weights.
        folder: where the tools may write.
        watch: counts each tool under its name, and what all of them spend on faces under `DETECT`.
    """

    def __init__(self, load: Workload, folder: Path, watch: Stopwatch) -> None:
        self._load, self._folder, self._watch = load, folder, watch
        self.scores: dict[str, float] = {}

    def run(self) -> dict[str, float]:
        """All of them, one after another."""
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
            with self._watch.timed(tool.__name__):
                found = tool()
            self.scores |= found
        return self.scores

    @property
    def _outputs(self) -> list[Path]:
        return [output for output, _ in self._load.pairs]

    @property
    def _sources(self) -> list[Path]:
        return [source for _, source in self._load.pairs]

    def frames(self) -> dict[str, float]:
        """Every video to PNG files, as the tools that take folders are fed."""
        for side, videos in (("generated", self._outputs), ("real", self._sources)):
            (self._folder / side).mkdir(parents=True)
            for number, video in enumerate(videos):
                for at, frame in enumerate(read(video)):
                    cv2.imwrite(str(self._folder / side / f"{number:03}_{at:05}.png"), frame)
        return {}

    def _pngs(self) -> Iterator[tuple[Path, Path]]:
        for generated in sorted((self._folder / "generated").iterdir()):
            yield generated, self._folder / "real" / generated.name

    def fid(self) -> dict[str, float]:
        """``python -m pytorch_fid real generated``."""
        home = self._folder / "torch" / "hub" / "checkpoints"
        home.mkdir(parents=True)
        (home / "pt_inception-2015-12-05-6726825d.pth").symlink_to(self._load.weights["inception-fid"])
        command = [sys.executable, "-m", "pytorch_fid", "--device", "cpu", "real", "generated"]
        said = subprocess.run(
            command,
            cwd=self._folder,
            env={**os.environ, "TORCH_HOME": str(self._folder / "torch")},
            check=True,
            capture_output=True,
            text=True,
        )
        return {"fid": float(re.findall(r"FID:\s*([-\d.e+]+)", said.stdout)[0])}

    def kid(self) -> dict[str, float]:
        """torch-fidelity's KID; it computes its features for itself."""
        from torch_fidelity import calculate_metrics

        size = sum(1 for _ in (self._folder / "real").iterdir())
        found = calculate_metrics(
            input1=str(self._folder / "generated"),
            input2=str(self._folder / "real"),
            kid=True,
            kid_subset_size=min(1000, size),
            feature_extractor_weights_path=str(self._load.weights["inception-fid"]),
            cuda=False,
            verbose=False,
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
        network.eval()
        found = []
        for first, second in self._pngs():
            given = [lpips.im2tensor(lpips.load_image(str(path))) for path in (first, second)]
            with torch.no_grad():
                found.append(float(network(*given)))
        return {"lpips-alex": float(np.mean(found))}

    def ssim_psnr(self) -> dict[str, float]:
        """scikit-image's rules: SSIM by uniform and by Gaussian windows, PSNR."""
        rows = []
        for first, second in self._pngs():
            a, b = (cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB) for p in (first, second))
            rows.append((ssim(a, b, _uniform, 3, 49 / 48), ssim(a, b, _gauss, 5, 1.0), psnr(a, b)))
        return dict(zip(("ssim-skimage", "ssim", "psnr"), np.mean(rows, axis=0).tolist(), strict=True))

    def fvd(self) -> dict[str, float]:
        """common_metrics: a video's pictures to 224 px, 16 at a time through I3D, the matrix root."""
        network = i3d.blank()
        counters = {n: torch.tensor(0) for n in network.state_dict() if n.endswith("num_batches_tracked")}
        load_strict(network, counters | dict(state_dict(self._load.weights["i3d-kinetics400"])), Path("i3d"))
        network.eval()
        sides = [[logits(network, video) for video in side] for side in (self._outputs, self._sources)]
        return {"fvd": frechet(*(np.concatenate(side) for side in sides))}

    def syncnet(self) -> dict[str, float]:
        """syncnet_python: a face in every frame, JPEGs of its crops, sliding windows in batches of 20."""
        from python_speech_features import mfcc

        state = torch.load(self._load.weights["syncnet-v2"], weights_only=True)
        detector, rows = self._detector(), []
        for number, video in enumerate(self._outputs):
            folder = self._folder / "syncnet" / str(number)
            folder.mkdir(parents=True)
            for at, frame in enumerate(read(video)):
                crop = cv2.resize(cut(frame, self._look(detector, frame), 1.4), (224, 224))
                cv2.imwrite(str(folder / f"{at:06}.jpg"), crop)
            pictures = [cv2.imread(str(path)) for path in sorted(folder.iterdir())]
            sound = open_clip(video).audio(16000)
            assert sound is not None
            rows.append(evaluated(state, pictures, mfcc((sound * 32768).astype(np.int16), 16000)))
        return dict(zip(("lse-d", "lse-c"), np.mean(rows, axis=0).tolist(), strict=True))

    def facenet(self) -> dict[str, float]:
        """facenet-pytorch's README: MTCNN finds and cuts, the network embeds, picture by picture."""
        from facenet_pytorch import InceptionResnetV1
        from facenet_pytorch.models.utils.detect_face import extract_face

        network = InceptionResnetV1(pretrained=None, classify=True, num_classes=8631).eval()
        fill(network, self._load.weights["facenet-vggface2"])
        network.classify, detector = False, self._detector()

        def embedded(frame: Frame) -> torch.Tensor:
            picture = Image.fromarray(frame[..., ::-1])
            box = self._look(detector, frame)
            face = extract_face(picture, whole(frame) if box is None else box, 160)
            with torch.no_grad():
                return network((face - 127.5)[None] / 128)

        found = [
            float(embedded(a) @ embedded(b).T)
            for output, source in self._load.pairs
            for a, b in zip(read(output), read(source), strict=True)
        ]
        return {"csim-id": float(np.mean(found))}

    def hsemotion(self) -> dict[str, float]:
        """HSEmotion's ONNX engine: a face cut out, resized by OpenCV, classified, picture by picture."""
        import onnxruntime

        model = str(self._load.weights["hsemotion-enet-b0-8-vgaf"])
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        name = session.get_inputs()[0].name

        def classified(face: Frame) -> int:
            x = (cv2.resize(face[..., ::-1], (224, 224)) / 255 - mean) / std
            (given,) = session.run(None, {name: x.transpose(2, 0, 1)[None].astype(np.float32)})
            return int(given.argmax())

        return {"hsemotion": self._share_of(classified, 1.0)}

    def clip(self) -> dict[str, float]:
        """open_clip's zero-shot example: its transform of a PIL image, picture by picture."""
        import open_clip

        network, _, transform = open_clip.create_model_and_transforms(
            "ViT-B-32-quickgelu", pretrained=str(self._load.weights["clip-vit-b-32-openai"])
        )
        network.eval()
        words = ["neutral", "angry", "disgusted", "fearful", "happy", "sad", "surprised"]
        text = open_clip.tokenize([f"a photo of a person who looks {word}." for word in words])
        with torch.no_grad():
            classes = F.normalize(network.encode_text(text), dim=-1)

        def classified(face: Frame) -> int:
            picture = transform(Image.fromarray(np.ascontiguousarray(face[..., ::-1])))[None]
            with torch.no_grad():
                return int((F.normalize(network.encode_image(picture), dim=-1) @ classes.T).argmax())

        return {"clip": self._share_of(classified, 1.3)}

    def landmarks(self) -> dict[str, float]:
        """MediaPipe's example for pictures, frame by frame, as scripts of landmark distance use it."""
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        model = str(self._load.weights["mediapipe-face-landmarker"])
        options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=model))

        def points(frame: Frame) -> np.ndarray:
            picture = mp.Image(mp.ImageFormat.SRGB, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            with self._watch.timed(DETECT):
                (face,) = landmarker.detect(picture).face_landmarks
            return np.array([(p.x * frame.shape[1], p.y * frame.shape[0]) for p in face])

        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            found = [
                np.linalg.norm(points(a) - points(b), axis=1).mean()
                for output, source in self._load.pairs
                for a, b in zip(read(output), read(source), strict=True)
            ]
        return {"landmarks-px": float(np.mean(found))}

    def _share_of(self, classified: Callable[[Frame], int], factor: float) -> float:
        """Share of outputs that are taken for the same emotion, by most frames, as their real clip."""
        detector, votes = self._detector(), []
        for video in [*self._outputs, *self._sources]:
            seen = [classified(cut(frame, self._look(detector, frame), factor)) for frame in read(video)]
            votes.append(int(np.bincount(seen).argmax()))
        half = len(self._outputs)
        return float(np.mean(np.array(votes[:half]) == np.array(votes[half:])))

    def _detector(self) -> Any:
        from facenet_pytorch import MTCNN

        return MTCNN(image_size=160, margin=0)

    def _look(self, detector: Any, frame: Frame) -> Box:
        """The likeliest face's box in a BGR frame, x0 y0 x1 y1."""
        with self._watch.timed(DETECT):
            boxes, _ = detector.detect(Image.fromarray(np.ascontiguousarray(frame[..., ::-1])))
        return None if boxes is None else boxes[0]


def read(video: Path) -> Iterator[Frame]:
    """A video's frames as OpenCV gives them, BGR."""
    capture = cv2.VideoCapture(str(video))
    while True:
        there, frame = capture.read()
        if not there:
            return
        yield frame


def whole(frame: Frame) -> np.ndarray:
    """The box of all of a frame, for one in which no face was found."""
    return np.array([0, 0, frame.shape[1], frame.shape[0]], float)


def cut(frame: Frame, box: Box, factor: float) -> Frame:
    """A face out of a frame, its box made larger, as far as the frame goes."""
    x0, y0, x1, y1 = whole(frame) if box is None else box
    dx, dy = (factor - 1) * (x1 - x0) / 2, (factor - 1) * (y1 - y0) / 2
    top, left = max(0, int(y0 - dy)), max(0, int(x0 - dx))
    return frame[top : max(top + 1, int(y1 + dy)), left : max(left + 1, int(x1 + dx))]


def _uniform(x: np.ndarray) -> np.ndarray:
    return uniform_filter(x, 7)


def _gauss(x: np.ndarray) -> np.ndarray:
    return gaussian_filter(x, 1.5, truncate=3.5)


def ssim(
    first: Frame, second: Frame, mean: Callable[[np.ndarray], np.ndarray], pad: int, norm: float
) -> float:
    """``skimage.metrics.structural_similarity`` of 8-bit RGB: channel by channel in double precision."""
    found = []
    for channel in range(3):
        x, y = (picture[..., channel].astype(np.float64) for picture in (first, second))
        ux, uy = mean(x), mean(y)
        vx, vy = norm * (mean(x * x) - ux * ux), norm * (mean(y * y) - uy * uy)
        vxy = norm * (mean(x * y) - ux * uy)
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        score = ((2 * ux * uy + c1) * (2 * vxy + c2)) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
        found.append(score[pad:-pad, pad:-pad].mean())
    return float(np.mean(found))


def psnr(first: Frame, second: Frame) -> float:
    """``skimage.metrics.peak_signal_noise_ratio``."""
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / error))


def logits(network: torch.nn.Module, video: Path) -> np.ndarray:
    """(n, 400): a video's pictures to 224 px, all of them in memory, 16 at a time through the network."""
    pictures = np.stack([cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for frame in read(video)])
    found = []
    for start in range(0, len(pictures) - 15, 16):
        x = torch.from_numpy(pictures[start : start + 16]).permute(0, 3, 1, 2).float() / 255
        height, width = x.shape[2:]
        scale = 224 / min(height, width)
        size = (224, -int(-width * scale // 1)) if height < width else (-int(-height * scale // 1), 224)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        top, left = (x.shape[2] - 224) // 2, (x.shape[3] - 224) // 2
        x = (x[:, :, top : top + 224, left : left + 224] - 0.5) * 2
        with torch.no_grad():
            found.append(network(x.transpose(0, 1)[None].contiguous()).numpy())
    return np.concatenate(found)


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """By the matrix root, as common_metrics computes it."""
    (mu, sigma), (mu2, sigma2) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (first, second))
    root = np.real(sqrtm(sigma @ sigma2))
    return float(((mu - mu2) ** 2).sum() + np.trace(sigma + sigma2 - 2 * root))


def evaluated(
    state: published_syncnet.State, pictures: Sequence[Frame], cepstra: np.ndarray, batch: int = 20
) -> tuple[float, float]:
    """``SyncNetInstance.evaluate``: sliding windows of 5 pictures and 20 columns, 20 of either at a time."""
    clip = torch.from_numpy(np.stack(pictures).transpose(3, 0, 1, 2)[None].astype(np.float32))
    sound = torch.from_numpy(cepstra.T[None, None].astype(np.float32))
    last = min(len(pictures), len(cepstra) // 4) - 5
    lips, heard = [], []
    for start in range(0, last, batch):
        windows = range(start, min(last, start + batch))
        with torch.no_grad():
            lips.append(published_syncnet.lips(state, torch.cat([clip[:, :, i : i + 5] for i in windows])))
            columns = torch.cat([sound[:, :, :, 4 * i : 4 * i + 20] for i in windows])
            heard.append(published_syncnet.sound(state, columns))
    found = published_syncnet.compared(torch.cat(lips), torch.cat(heard), 15)
    return found.distance, found.confidence
