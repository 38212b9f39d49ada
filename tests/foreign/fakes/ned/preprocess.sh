case "$2" in
test)
  python preprocessing/detect.py --celeb $1 --save_videos_info --save_full_frames
  python preprocessing/eye_landmarks.py --celeb $1 --align
  python preprocessing/segment_face.py --celeb $1
  python preprocessing/reconstruct.py --celeb $1 --save_shapes --save_nmfcs
  python preprocessing/align.py --celeb $1 --faces_and_masks --shapes --nmfcs --landmarks
  ;;
reference)
  python preprocessing/detect.py --celeb $1 --save_full_frames
  python preprocessing/reconstruct.py --celeb $1
  ;;
*) echo "Invalid mode given" ;;
esac
