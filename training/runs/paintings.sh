#!/bin/sh
# weights/paintings.safetensors: the gallery in one fast network, and the base of new styles.
#   PHOTOS=folder PAINTINGS=folder MORE=folder sh training/runs/paintings.sh
# PAINTINGS holds the fifteen that came first, MORE seven others; training/runs/paintings.json says
# which they are. 0.5 to 1 s a step on two cores with bf16. Stopped, the same command with
# RESUME=--resume in front of it goes on.
# All of it was run up to commit 1b6b550, before photos got a margin in training too and the rates
# fell linearly; since then the same commands make another network.
set -eu
train() {
    nice python training/train_style.py --photos "${PHOTOS:?}" --crop 256 --batch 4 "$@"
}
# The first two were run at commit d136ea2, when Adam trained everything, at --rate 2e-3 and 4e-4:
# --tone-weight 0 for the first 1,010 steps, the schedule of --steps 4000 for the first 1,690.
# shellcheck disable=SC2086
train --paintings "${PAINTINGS:?}" --out runs/paintings --preview-steps 200 --steps 3400 ${RESUME:-}
# In these three a small face drowned in the strokes: less style, the others as before.
train --paintings "$PAINTINGS" --out runs/paintings_tuned --steps 400 --seed 1 --warmup 20 \
    --start runs/paintings/weights.safetensors \
    --painting-weights the_scream=0.3,red_chalk=0.5,shipwreck=0.7
printf '[]' > runs/nothing_new.json
python training/describe.py runs/paintings_tuned/weights.safetensors runs/nothing_new.json \
    runs/paintings_tuned/fourteen.safetensors --without great_wave
# Then a network that learns new styles well, from many: all paintings, and a detail of each. The
# first 971 steps had the schedule of --steps 2800.
mkdir -p runs/many
cp "$PAINTINGS"/* "${MORE:?}"/* runs/many/
python training/prepare_paintings.py runs/many runs/many_details --details 1
train --paintings runs/many runs/many_details --start runs/paintings_tuned/fourteen.safetensors \
    --out runs/base --preview-steps 400 --steps 2300 --seed 2 --warmup 50 --precision bf16 \
    --painting-weights the_scream=0.3,the_scream_detail_1=0.4,red_chalk=0.5,red_chalk_detail_1=0.5,shipwreck=0.7,shipwreck_detail_1=0.7
# Left out: dark areas that came out dotted, a brown and a dark one that say little of a photo.
python training/describe.py runs/base/weights.safetensors training/runs/paintings.json \
    runs/base/nineteen.safetensors --licence "public domain" \
    --without "*_detail_*" great_wave dance_foyer starry_night_over_the_rhone \
    --strengths the_scream=0.85 bedroom_in_arles=0.75
# Last, what an adapter has, for each of the nineteen: matrices, learnt on large crops. The network
# stays as it is. The two at less than their whole strength get less weight instead.
cp training/runs/paintings.json runs/many/styles.json
nineteen=$(python -c 'import sys; from fastnst.checkpoint_file import load_checkpoint as load
print(*(style.name for style in load(sys.argv[1]).styles))' runs/base/nineteen.safetensors)
# shellcheck disable=SC2086
train --paintings runs/many --only $nineteen --learn styles --start runs/base/nineteen.safetensors \
    --out runs/gallery --crop 448 --batch 1 --preview-steps 1000 --steps 4800 --seed 6 \
    --warmup 60 --style-rate 2e-2 --precision bf16 \
    --painting-weights the_scream=0.25,red_chalk=0.5,shipwreck=0.7,bedroom_in_arles=0.6
python training/describe.py runs/gallery/weights.safetensors runs/nothing_new.json \
    weights/paintings.safetensors --base runs/base/nineteen.safetensors --licence "public domain"
python training/contact_sheet.py tower.jpg weights/paintings.webp
