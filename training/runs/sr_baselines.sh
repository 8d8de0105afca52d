#!/bin/sh
# The networks that the shipped ones stand beside in the README's table, small and honest: SRCNN,
# and the paper's network with its pixel loss and with its feature loss, all three with the same
# photos, steps and optimizer. They do not ship.
#   PHOTOS=folder training/runs/sr_baselines.sh
set -eu
train() {
    python training/train_sr.py --photos "${PHOTOS:?}" --without 1014.jpg --steps 2000 --batch 4 --precision bf16 --preview-steps 500 "$@"
}
train --out runs/paper_pixel_x4 --architecture paper-sr --pixel-loss mse
train --out runs/paper_feature_x4 --architecture paper-sr --pixel-weight 0 --feature-weight 1
train --out runs/srcnn_x4 --architecture srcnn --pixel-loss mse
