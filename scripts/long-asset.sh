#!/usr/bin/env bash
# Makes a long asset for measurements: a ladder of six levels, 1080p to 180p, and one sound track,
# by encoding one minute and repeating it without encoding again. Kept in a cache folder, never
# committed.
# usage: scripts/long-asset.sh [MINUTES=120] [KBIT_OF_THE_TOP_LEVEL=600]   prints the folder
set -euo pipefail
minutes=${1:-120}
kbit=${2:-600}
cache=${MEDIA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/media}
asset=$cache/ladder-minutes-$minutes-kbit-$kbit
[ -e "$asset/.done" ] && { echo "$asset"; exit 0; }
mkdir -p "$cache" "$asset"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

run() { ffmpeg -hide_banner -loglevel error -y "$@"; }

level() { # size kbit/s
  local minute=$work/$1.mp4
  run -nostdin -f lavfi -i "testsrc2=size=$1:rate=25:duration=60" -an -c:v libx264 -preset superfast \
    -profile:v high -pix_fmt yuv420p -b:v "$2k" -maxrate "$2k" -bufsize "$2k" \
    -g 50 -keyint_min 50 -sc_threshold 0 -x264-params "open-gop=0:scenecut=0:bframes=2" "$minute"
  run -nostdin -stream_loop "$((minutes - 1))" -i "$minute" -map 0 -c copy -movflags +faststart \
    "$asset/long_h264_$1_$2.mp4"
}

# ADTS frames can be put end to end as bytes, so the repeated minute has no gaps and nothing drifts.
sound() {
  run -nostdin -f lavfi -i "sine=frequency=440:beep_factor=4:sample_rate=48000:duration=60" -ac 2 \
    -c:a aac -b:a 96k -f adts "$work/minute.aac"
  for _ in $(seq "$minutes"); do cat "$work/minute.aac"; done |
    run -f aac -i - -t "$((minutes * 60))" -c copy -metadata:s:a:0 language=eng \
      -movflags +faststart "$asset/long_aac_eng_96.mp4"
}

level 1920x1080 "$kbit" >&2
level 1280x720 "$((kbit / 2))" >&2
level 960x540 "$((kbit / 3))" >&2
level 640x360 "$((kbit / 5))" >&2
level 480x270 "$((kbit / 8))" >&2
level 320x180 "$((kbit / 12))" >&2
sound >&2
touch "$asset/.done"
echo "$asset"
