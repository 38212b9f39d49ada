from facekit import note
from models.pix2pix_model import generate
from options.test_options import parse

note()
generate(parse())
print("Done!")
