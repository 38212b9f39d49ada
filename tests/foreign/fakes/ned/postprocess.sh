# Fixes the renderer's epoch; the wrapper runs these four by itself.
python renderer/create_inputs.py --celeb $1 --exp_name $2 --save_shapes
python renderer/test.py --celeb $1 --exp_name $2 --checkpoints_dir $3 --which_epoch 20
python postprocessing/unalign.py --celeb $1 --exp_name $2
python postprocessing/blend.py --celeb $1 --exp_name $2 --save_images
