export PYTHONPATH=.:$PYTHONPATH
python preprocessing/detect.py --celeb $1
python preprocessing/segment_face.py --celeb $1
python preprocessing/eye_landmarks.py --celeb $1 --align
python preprocessing/align.py --celeb $1 --faces_and_masks --images --landmarks
