#!/bin/sh
# weights/inverter.safetensors.
#   PHOTOS=folder training/runs/inverter.sh
# One photo of the collection is of the benchmark Set5, and is left out.
# Stopped, the same command goes on.
set -eu
out=runs/inverter
set --
[ -f "$out/state.safetensors" ] && set -- "$@" --resume
python training/train_inverter.py --photos "${PHOTOS:?}" --without 1014.jpg --out "$out" \
    --layer relu4_3 --precision bf16 --preview-steps 250 "$@"
cp "$out/weights.safetensors" weights/inverter.safetensors
