#!/bin/sh
# Measure the shipped network, weights/paintings.safetensors: the table in the README, of the
# fourteen paintings that came first. Others have no baseline yet; --only names them instead.
#
#     PHOTOS=… PAINTINGS=… sh training/runs/evaluate_paintings.sh [more options of evaluate.py]
#
# PHOTOS and PAINTINGS are the folders that it was trained on. The baseline takes most of the time,
# and only the first time: its curves stay in BASELINE. Stopped, the same command goes on.
set -eu
cd "$(dirname "$0")/../.."

exec "${PYTHON:-python}" training/evaluate.py style \
    --photos "${PHOTOS:?the folder of photos that it was trained on}" \
    --paintings "${PAINTINGS:?the folder of its paintings}" \
    --weights paintings \
    --only composition_mondrian composition_vii contrast_of_forms metzinger_portrait night_cafe \
    red_chalk roman_mosaic shipwreck starry_night tahiti the_scream udnie wheat_field \
    woman_with_a_hat \
    --held-out 20 --size 512 --baseline-photos 2 \
    --baseline "${BASELINE:-runs/evaluation/baseline.json}" \
    --out "${OUT:-runs/evaluation}" \
    --readme README.md "$@"
