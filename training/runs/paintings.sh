#!/bin/sh
# weights/paintings.safetensors: fifteen paintings in one fast network.
#   PHOTOS=folder PAINTINGS=folder training/runs/paintings.sh [--resume]
# About 0.9 s a step on two cores with bf16. The shipped weights had --tone-weight 0 for their first
# 1,010 steps, before there was a tone loss, and the schedule of --steps 4000 for the first 1,690.
set -eu
# Keep freed memory instead of asking the system for it anew at every layer: a sixth of the time.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000
nice python training/train_style.py --photos "${PHOTOS:?}" --paintings "${PAINTINGS:?}" \
    --out runs/paintings --steps 3400 --preview-steps 200 "$@"
python training/describe.py runs/paintings/weights.safetensors training/runs/paintings.json \
    weights/paintings.safetensors --licence "public domain"
python training/contact_sheet.py tower.jpg weights/paintings.jpg
