#!/bin/sh
# Makes the clip that `portcullis dev` shows when it is given no media: three AVC quality levels and
# two AAC languages, 24 seconds, all from generators (no third-party content).
# The results are committed and embedded in the binary; run this only to change the clip.
# Needs ffmpeg with libx264 and drawtext, and the DejaVu fonts (Debian: fonts-dejavu-core).
set -eu
out=${1:-$(cd "$(dirname "$0")" && pwd)}
seconds=24
rate=25
gop=50 # two seconds: segments of any whole number of GOPs start on a key frame in every level

# Bit-exact headers, no encoder or date metadata: the same ffmpeg build makes the same bytes.
exact="-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1"
run() { ffmpeg -hide_banner -nostdin -loglevel error -y "$@"; }

# A slow gradient with a running time code, the frame number and the name of the level: a viewer
# sees at once whether time moves and which level plays.
level() { # width height kbit/s
  font="font=DejaVu Sans Mono:fontcolor=white"
  clock="drawtext=$font:fontsize=$2/6:x=(w-tw)/2:y=(h-th)/2:text='%{pts\\:hms}'"
  frame="drawtext=$font:fontsize=$2/14:x=(w-tw)/2:y=h*0.64:text='frame %{frame_num}'"
  title="drawtext=font=DejaVu Sans:fontcolor=white:fontsize=$2/12:x=w*0.05:y=h*0.08:text='Portcullis'"
  name="drawtext=$font:fontsize=$2/14:x=w*0.95-tw:y=h*0.09:text='$2p'"
  bar="drawbox=x=0:y=ih*0.9:w=iw:h=ih*0.1:color=black@0.35:t=fill"
  pulse="drawbox=x=0:y=ih*0.9:w=iw:h=ih*0.1:color=white@0.7:t=fill:enable='lt(mod(t,1),0.08)'"
  picture="gradients=size=$1x$2:rate=$rate:duration=$seconds:seed=7:speed=0.01:nb_colors=3"
  picture="$picture:c0=0x123a5c:c1=0x1d7a74:c2=0x5c2a4f:x0=0:y0=0:x1=$1:y1=$2"
  run -f lavfi -i "$picture" -vf "$clock,$frame,$title,$name,$bar,$pulse,format=yuv420p" -an $exact \
    -c:v libx264 -preset slower -profile:v high -b:v "$3k" -maxrate "$(($3 * 2))k" \
    -bufsize "$(($3 * 4))k" -g "$gop" -keyint_min "$gop" -sc_threshold 0 \
    -x264-params "open-gop=0:scenecut=0:bframes=3:threads=1:colorprim=bt709:transfer=bt709:colormatrix=bt709" \
    -movflags +faststart "$out/gate_h264_$2p.mp4"
}

# A tone per language with a beep on every full second, in step with the white bar.
voice() { # language frequency name
  run -f lavfi -i "sine=frequency=$2:beep_factor=4:sample_rate=48000:duration=$seconds" -vn $exact \
    -af "volume=0.5" -ac 2 -c:a aac -b:a 48k -metadata:s:a:0 "language=$1" \
    -metadata:s:a:0 "handler_name=$3" -movflags +faststart "$out/gate_aac_$1.mp4"
}

level 320 180 80
level 640 360 170
level 960 540 300
voice eng 440 English
voice deu 660 Deutsch
