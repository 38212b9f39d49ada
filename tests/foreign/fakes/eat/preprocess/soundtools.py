"""What ffmpeg does upstream: the sound of a video as a 16 kHz mono wav."""

import wave

import av


def extract(video, path):
    with av.open(video) as container, wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16000)
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                out.writeframes(part.to_ndarray().tobytes())
