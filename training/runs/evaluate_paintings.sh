#!/bin/sh
# Measure the shipped network, weights/paintings.safetensors: the table in the README.
#
#     PHOTOS=… PAINTINGS=… sh training/runs/evaluate_paintings.sh [more options of evaluate.py]
#
# PHOTOS and PAINTINGS are the folders that it was trained on. The baseline takes most of the time,
# and only the first time: its curves stay in BASELINE. Stopped, the same command goes on.
set -eu
cd "$(dirname "$0")/../.."

# glibc gives the memory of large tensors back and asks for it again, at every iteration; keeping
# it makes the optimisation some 15 % faster.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000

exec "${PYTHON:-python}" training/evaluate.py style \
    --photos "${PHOTOS:?the folder of photos that it was trained on}" \
    --paintings "${PAINTINGS:?the folder of its paintings}" \
    --weights paintings \
    --held-out 20 --size 512 --baseline-photos 2 \
    --baseline "${BASELINE:-runs/evaluation/baseline.json}" \
    --out "${OUT:-runs/evaluation}" \
    --readme README.md "$@"
