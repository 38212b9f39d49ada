"""The words of captions: tables that `spfem_bench.synthetic.captions` fills its sentences from."""

from __future__ import annotations

from collections.abc import Mapping

GENERAL: Mapping[str, tuple[str, ...]] = {
    "neutral": ("neutral", "calm", "relaxed", "expressionless", "composed", "impassive"),
    "angry": ("angry", "mad", "cross"),
    "disgusted": ("disgusted", "repelled", "sickened"),
    "fear": ("afraid", "scared", "fearful", "frightened"),
    "happy": ("happy", "cheerful", "joyful", "pleased"),
    "sad": ("sad", "unhappy", "sorrowful", "downcast"),
    "surprised": ("surprised", "astonished", "amazed"),
}
"""Words for an emotion at any intensity."""

GRADED: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "neutral": {1: (), 2: (), 3: ()},
    "angry": {
        1: ("annoyed", "irritated"),
        2: ("hostile", "indignant"),
        3: ("furious", "enraged", "outraged"),
    },
    "disgusted": {1: ("put off", "averse"), 2: ("grossed out",), 3: ("revolted", "nauseated")},
    "fear": {1: ("uneasy", "nervous"), 2: ("alarmed", "anxious"), 3: ("terrified", "panicked", "horrified")},
    "happy": {1: ("content", "amused"), 2: ("glad", "merry"), 3: ("delighted", "overjoyed", "elated")},
    "sad": {
        1: ("gloomy", "wistful"),
        2: ("dejected", "mournful"),
        3: ("heartbroken", "miserable", "grieving"),
    },
    "surprised": {1: ("curious", "puzzled"), 2: ("startled",), 3: ("stunned", "shocked", "dumbfounded")},
}
"""Words that say emotion and intensity at once."""

NOUNS: Mapping[str, tuple[str, ...]] = {
    "neutral": ("calm", "composure"),
    "angry": ("anger", "rage"),
    "disgusted": ("disgust", "revulsion"),
    "fear": ("fear", "fright"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness", "sorrow"),
    "surprised": ("surprise", "astonishment"),
}
"""Names of the emotions."""

ADVERBS: Mapping[int, tuple[str, ...]] = {
    1: ("slightly", "a little", "faintly", "mildly", "somewhat"),
    2: ("clearly", "rather", "quite", "noticeably", "visibly"),
    3: ("very", "extremely", "intensely", "strongly", "deeply"),
}
"""Before an adjective, by intensity."""

DEGREES: Mapping[int, tuple[str, ...]] = {
    1: ("a hint of", "a trace of", "a touch of"),
    2: ("clear", "visible", "plain"),
    3: ("intense", "strong", "great", "extreme"),
}
"""Before a noun, by intensity."""

MOVEMENTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "AU1": (
        ("slightly raised inner brows",),
        ("raised inner brows", "inner brows pulled up"),
        ("sharply raised inner brows",),
    ),
    "AU2": (
        ("slightly raised outer brows",),
        ("raised outer brows", "lifted brows"),
        ("highly arched brows",),
    ),
    "AU4": (("slightly lowered brows", "a light frown"), ("lowered brows", "a frown"), ("a deep frown",)),
    "AU5": (("slightly widened eyes",), ("raised upper lids", "widened eyes"), ("staring wide open eyes",)),
    "AU6": (("slightly raised cheeks",), ("raised cheeks",), ("bunched cheeks", "strongly raised cheeks")),
    "AU7": (("slightly tightened lids",), ("tightened lids", "narrowed eyes"), ("squinting eyes",)),
    "AU9": (("a slightly wrinkled nose",), ("a wrinkled nose",), ("a strongly wrinkled nose",)),
    "AU10": (
        ("a slightly raised upper lip",),
        ("a raised upper lip",),
        ("a curled upper lip", "a sneering upper lip"),
    ),
    "AU12": (
        ("a faint smile", "slightly raised lip corners"),
        ("a smile", "lip corners pulled up"),
        ("a wide grin", "a broad smile"),
    ),
    "AU15": (
        ("slightly lowered lip corners",),
        ("lip corners turned down", "a downturned mouth"),
        ("lip corners pulled far down",),
    ),
    "AU17": (("a slightly raised chin",), ("a raised chin", "a pouting lower lip"), ("a bunched chin",)),
    "AU18": (("slightly puckered lips",), ("puckered lips",), ("strongly puckered lips",)),
    "AU20": (("slightly stretched lips",), ("stretched lips",), ("lips stretched wide",)),
    "AU23": (("slightly tightened lips",), ("tightened lips", "thin lips"), ("hard pressed lips",)),
    "AU25": (("barely parted lips",), ("parted lips",), ("widely parted lips", "bared teeth")),
    "AU26": (("a slightly open mouth",), ("an open mouth", "a dropped jaw"), ("a gaping mouth",)),
}
"""What each action unit looks like, weak, plain and strong."""

DROOPING = ("drooping upper lids", "heavy lids")
"""A negative AU5."""

STILL = ("a still face", "no movement of the brows or lips", "a face at rest")
"""No action unit that shows."""

HAIR_STYLES: Mapping[str, str] = {
    "bald": "a bald head",
    "buzz": "buzzed {colour} hair",
    "crop": "short {colour} hair",
    "parted": "parted {colour} hair",
    "quiff": "a {colour} quiff",
    "receding": "receding {colour} hair",
    "curly": "curly {colour} hair",
    "afro": "a {colour} afro",
    "long": "long {colour} hair",
    "wavy": "wavy {colour} hair",
    "bob": "a {colour} bob",
    "bun": "{colour} hair in a bun",
    "ponytail": "{colour} hair in a ponytail",
    "scarf": "a head scarf",
}
"""Hair by the style of an identity."""

HAIR_COLOURS = ("black", "dark brown", "brown", "chestnut", "red", "dark blond", "blond", "grey", "white")
FACIAL_HAIR: Mapping[str, str] = {
    "none": "",
    "stubble": "stubble",
    "moustache": "a moustache",
    "goatee": "a goatee",
    "beard": "a beard",
    "full beard": "a full beard",
}
GLASSES: Mapping[str, str] = {
    "none": "",
    "round": "round glasses",
    "square": "square glasses",
    "half-rim": "half rim glasses",
    "large": "large glasses",
}
SKIN = ("light skin", "medium skin", "dark skin")
AGES = ("young", "", "older")
PEOPLE = ("person", "speaker", "face")

EMOTION_ONLY = (
    "a {person} who looks {feeling}",
    "the {person} is {feeling} while speaking",
    "this {person} seems {feeling}",
    "someone looking {feeling}",
    "a talking {person} that appears {feeling}",
)
NOUN_ONLY = (
    "a {person} showing {noun}",
    "an expression of {noun}",
    "{noun} on the face of someone talking",
    "words spoken with {noun}",
)
MOVEMENT_ONLY = (
    "a {person} with {movements}",
    "the {person} shows {movements}",
    "a close view of {movements}",
)
EMOTION_AND_MOVEMENT = (
    "a {person} who looks {feeling}, with {movements}",
    "{feeling}: {movements}",
    "{movements} make this {person} look {feeling}",
    "the {person} is {feeling}, as {movements} show",
)
EMOTION_AND_LOOKS = (
    "{who} who looks {feeling}",
    "{who} talking, {feeling}",
    "{who} speaks with {noun}",
)
ALL = (
    "{who} looks {feeling}, with {movements}",
    "{who}, {feeling}, with {movements}, is speaking",
    "{noun} on the face of {who}: {movements}",
)
PROMPT = (
    "a photo of a {feeling} person",
    "a {person} who looks {feeling}",
    "an expression of {noun}",
    "a {person} showing {noun}",
    "someone looking {feeling}",
)
"""Sentences with slots, by what they tell of."""
