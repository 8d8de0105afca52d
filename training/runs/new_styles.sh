#!/bin/sh
# How well new styles are learnt, on paintings that the shipped network never saw: trains one style
# for each painting and depth, then measures them all, and writes the table in the README.
#   PHOTOS=folder PAINTINGS=folder sh training/runs/new_styles.sh
# A file that is there is not trained again: stopped, the same command goes on. An hour and a half
# for each painting on two cores; DEPTHS="quick" alone takes three minutes.
set -eu
out=${OUT:-runs/new_styles}
mkdir -p "$out"
train() {
    file=$out/$1-$2.safetensors
    depth=$2
    painting=$3
    name=$1
    shift 3
    [ -f "$file" ] || python -m fastnst.cli train "$painting" --name "$name" --depth "${depth%%_*}" \
        --run "$out/$name-$depth" -o "$file" "$@"
}
for painting in "${PAINTINGS:?}"/*.*; do
    name=$(basename "${painting%.*}")
    for depth in ${DEPTHS:-quick full_30 full_60}; do
        case $depth in
            quick) train "$name" quick "$painting" ;;
            *) train "$name" "$depth" "$painting" --photos "${PHOTOS:?}" --minutes "${depth#*_}" ;;
        esac
    done
done
# shellcheck disable=SC2086
python training/evaluate.py new_styles --photos "$PHOTOS" --paintings "$PAINTINGS" --styles "$out" \
    --depths ${DEPTHS:-quick full_30 full_60} --baseline runs/evaluation/baseline.json \
    --out runs/evaluation --readme README.md
# The picture in the README.
python training/style_strip.py "$PAINTINGS"/in_bed.* tower.jpg weights/new_styles.webp --weights \
    "$out/in_bed-quick.safetensors" "$out/in_bed-full_60.safetensors"
