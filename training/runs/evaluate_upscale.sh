#!/bin/sh
# The README's tables of super-resolution, and the strip weights/upscale.webp; after sr_baselines.sh.
#   BENCHMARKS=folder training/runs/evaluate_upscale.sh
set -eu
python training/evaluate.py sr --benchmarks "${BENCHMARKS:?}" --out runs/evaluation \
    --network "SRCNN=runs/srcnn_x4/weights.safetensors" \
    "paper, pixel loss=runs/paper_pixel_x4/weights.safetensors" \
    "paper, feature loss=runs/paper_feature_x4/weights.safetensors" \
    --readme README.md
python -c "from PIL import Image; Image.open('runs/evaluation/sr_strip.png').save(
    'weights/upscale.webp', quality=90, method=6)"
