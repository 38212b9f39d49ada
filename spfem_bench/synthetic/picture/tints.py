"""The colours one person is painted with."""

from __future__ import annotations

from dataclasses import dataclass

from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.people.palette import CLOTH, HAIR, Colour, mix, skin_colour, times


@dataclass(frozen=True, slots=True)
class Tints:
    """Colours, sRGB 0 to 255, under the light of the stage at full strength."""

    skin: Colour
    ear: Colour
    lid: Colour
    caruncle: Colour
    lash: Colour
    upper_lip: Colour
    lower_lip: Colour
    lip_shine: Colour
    lip_line: Colour
    nostril: Colour
    hair: Colour
    brow: Colour
    beard: Colour
    scarf: Colour


def tints_of(who: Identity) -> Tints:
    """The colours of one person."""
    skin = skin_colour(who.tone, who.undertone)
    hair = times(HAIR[who.hair_colour], who.hair_shade)
    dark = 0.72 if who.makeup else 0.82
    rose = mix(times(skin, (0.90, 0.66, 0.66)), times(skin, (0.94, 0.42, 0.46)), 0.25 + 0.5 * who.lip_red)
    if who.makeup:
        rose = mix(rose, (168.0, 36.0, 54.0), 0.25 + 0.4 * who.lip_red)
    brow = mix(hair, (40.0, 30.0, 26.0), 0.45)
    if who.hair_colour in ("white", "grey"):
        brow = mix(hair, (92.0, 86.0, 82.0), 0.6)
    return Tints(
        skin=skin,
        ear=times(skin, (0.95, 0.86, 0.84)),
        lid=times(skin, (dark, dark * 0.93, dark * 0.95)) if who.makeup else times(skin, (0.90, 0.84, 0.83)),
        caruncle=times(skin, (0.96, 0.68, 0.66)),
        lash=mix((26.0, 20.0, 20.0), skin, 0.05 if who.makeup else 0.12),
        upper_lip=times(rose, 0.84),
        lower_lip=rose,
        lip_shine=mix(rose, (255.0, 226.0, 220.0), 0.22),
        lip_line=times(rose, (0.48, 0.38, 0.40)),
        nostril=times(skin, (0.36, 0.25, 0.23)),
        hair=hair,
        brow=mix(brow, skin, 0.10),
        beard=mix(hair, times(skin, 0.7), 0.12),
        scarf=CLOTH[who.second_cloth],
    )
