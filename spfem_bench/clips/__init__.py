"""Clips: video and audio on one rational time base, decoded and encoded lazily."""

from spfem_bench.clips.clip import Clip, content_digest, open_clip
from spfem_bench.clips.digest import VideoHasher, audio_digest
from spfem_bench.clips.folder import open_frames
from spfem_bench.clips.preview import write_preview
from spfem_bench.clips.sound import PcmSource, fit_audio
from spfem_bench.clips.stored import StoredMeta, read_meta, record_path
from spfem_bench.clips.types import AudioInfo, ClipInfo, ContentDigest
from spfem_bench.clips.write import write_lossless

__all__ = [
    "AudioInfo",
    "Clip",
    "ClipInfo",
    "ContentDigest",
    "PcmSource",
    "StoredMeta",
    "VideoHasher",
    "audio_digest",
    "content_digest",
    "fit_audio",
    "open_clip",
    "open_frames",
    "read_meta",
    "record_path",
    "write_lossless",
    "write_preview",
]
