"""From a person, a stage and the state of a face to a picture and its landmarks."""

from spfem_bench.synthetic.picture.face import landmarks, mouth
from spfem_bench.synthetic.picture.painter import Painter
from spfem_bench.synthetic.picture.stage import Stage, stage_of

__all__ = ["Painter", "Stage", "landmarks", "mouth", "stage_of"]
