#!/bin/sh
# Makes the test media of a clone that stands alone: synthetic, small, the same bytes for the same
# ffmpeg build. usage: make.sh [OUT]   (default: out/ beside this file)
# Done once: a stamp holds the sums of the recipe and the encoder's version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out}
stamp=$( (cat "$here/make.sh" "$here"/*.js; ffmpeg -version | head -n 1) | cksum)
[ "$(cat "$out/.stamp" 2>/dev/null)" = "$stamp" ] && exit 0
echo "media: making test media (about fifteen seconds)"
rm -rf "$out"
mkdir -p "$out/ladder" "$out/muxed" "$out/codecs" "$out/hdr" "$out/apart" "$out/slices" \
  "$out/traps/malformed"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fps=25
gop=50 # two seconds
exact="-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1"
run() { ffmpeg -hide_banner -nostdin -loglevel error -y "$@"; }

picture() { echo "-f lavfi -i testsrc2=size=$1:rate=$2:duration=$3"; } # size rate seconds
tone() { echo "-f lavfi -i sine=frequency=$1:beep_factor=4:sample_rate=$2:duration=$3"; }
avc() { echo "-c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v $1k -g $gop -keyint_min $gop -sc_threshold 0"; }
closed="open-gop=0:scenecut=0:bframes=3:b-pyramid=normal:threads=1"
aac() { echo "-ac 2 -c:a aac -b:a $1k -metadata:s:a:0 language=$2"; }
front="-movflags +faststart"

# ladder/: one title, one track per file, key frames aligned over the levels.
for level in "320x180 120" "640x360 350" "1280x720 750"; do
  set -- $level
  run $(picture "$1" $fps 20) -an $exact $(avc "$2") -profile:v high -x264-params "$closed" $front \
    "$out/ladder/tidewater_h264_$1_$2.mp4"
done
run $(tone 440 48000 20) -vn $exact $(aac 96 eng) $front "$out/ladder/tidewater_aac_eng_ch2_96.mp4"
run $(tone 660 48000 20) -vn $exact $(aac 64 deu) $front "$out/ladder/tidewater_aac_deu_ch2_64.mp4"

# muxed/: picture and the same sound interleaved in every file, as encoders deliver an "MP4 set".
run $(tone 440 48000 12) -vn $exact $(aac 96 eng) "$work/sound.mp4"
for level in "320x180 120" "640x360 350" "1280x720 750"; do
  set -- $level
  run $(picture "$1" $fps 12) -i "$work/sound.mp4" -map 0:v -map 1:a $exact $(avc "$2") \
    -x264-params "$closed" -c:a copy $front "$out/muxed/tidewater_$1_AACAudio_$(($2 + 96)).mp4"
done

# thumbs/: thumbnails, one a second in sheets of 4x2, and single ones; a film in the same codec; a
# track that has no images.
thumbs=$out/thumbs
mkdir -p "$thumbs"
jpeg="-c:v mjpeg -q:v 5 -threads 1"
run $(picture 160x90 1 24) $exact -vf tile=4x2 $jpeg "$thumbs/thumbs_4x2.mp4"
run $(picture 96x54 1/5 24) $exact -c:v png -threads 1 "$thumbs/stills.mp4"
run $(picture 96x54 $fps 2) $exact $jpeg "$thumbs/film.mp4"
run $(picture 96x54 1 1) $exact $jpeg -frames:v 0 -movflags empty_moov "$thumbs/none.mp4"

# equal/: an ideal ladder of 61.5 seconds under a server manifest, to compare manifests with recorded
# ones; what the pictures show does not matter.
mkdir -p "$out/equal"
still() { echo "-f lavfi -i color=gray:size=$1:rate=24:duration=61.5"; }
ism="$out/equal/equal.ism"
cat >"$ism" <<'END'
<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
END
for level in "1280x720 3500000 31" "960x540 2200000 31" "704x396 1350000 30" "512x288 850000 21" \
  "320x180 381048 13"; do
  set -- $level
  run $(still "$1") -an $exact -c:v libx264 -preset ultrafast -pix_fmt yuv420p -profile:v high \
    -level "$3" -crf 40 -g 48 -keyint_min 48 -sc_threshold 0 -x264-params "8x8dct=1:threads=1" \
    $front "$out/equal/equal_$2.mp4"
  echo " <video src=\"equal_$2.mp4\" systemBitrate=\"$2\"/>" >>"$ism"
done
run $(tone 440 48000 61.5) -vn $exact $(aac 32 eng) $front "$out/equal/equal_aac.mp4"
cat >>"$ism" <<'END'
 <audio src="equal_aac.mp4" systemBitrate="128041" systemLanguage="eng"><param name="trackName" value="TRACK"/></audio>
</switch></body></smil>
END

# codecs/: one title in every codec that this ffmpeg encodes, one track per file, key frames aligned.
codecs=$out/codecs
x265="-c:v libx265 -preset ultrafast -tag:v hvc1"
keys="log-level=error:keyint=$gop:min-keyint=$gop:scenecut=0:open-gop=0:pools=1:frame-threads=1"
av1="-c:v libaom-av1 -usage realtime -cpu-used 8 -g $gop -keyint_min $gop -b:v 80k"
vp9="-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -keyint_min 1 -b:v 80k"
sound="$(tone 440 48000 12)"
for size in 160x90 320x180; do
  clip="$(picture $size $fps 12)"
  run $clip -an $exact $(avc 90) -x264-params "$closed" $front "$codecs/drift_h264_$size.mp4"
  run $clip -an $exact $x265 -x265-params "$keys:bframes=2" -b:v 90k $front "$codecs/drift_hevc_$size.mp4"
done
run $clip -an $exact $av1 $front "$codecs/drift_av1_320x180.mp4"
run $clip -an $exact $vp9 -g $gop $front "$codecs/drift_vp9_320x180.mp4"
run $sound -vn $exact $(aac 64 eng) $front "$codecs/drift_aac_eng.mp4"
run $(tone 660 48000 12) -vn $exact $(aac 64 deu) $front "$codecs/drift_aac_deu.mp4"
for codec in "ac3 ac3 2" "eac3 ec3 6" "libopus opus 2" "flac flac 1"; do
  set -- $codec
  run $sound -vn $exact -ac "$3" -c:a "$1" -b:a 96k -strict -2 -metadata:s:a:0 language=eng $front \
    "$codecs/drift_$2_eng.mp4"
done
# slices/: pictures in several slices or tiles, with parameter sets, messages and hidden frames among
# them.
slices=$out/slices
run $clip -an $exact -c:v libx265 -preset medium -tag:v hev1 \
  -x265-params "$keys:ctu=16:slices=3:wpp=1:repeat-headers=1:aud=1:hrd=1:bframes=3:ref=4:weightb=1:\
vbv-maxrate=200:vbv-bufsize=200" -b:v 120k $front "$slices/hevc.mp4"
run $clip -an $exact -c:v libaom-av1 -cpu-used 6 -g $gop -b:v 150k -tile-columns 1 -tile-rows 1 \
  -lag-in-frames 19 $front "$slices/av1.mp4"
for pass in 1 2; do
  run $clip -an $exact -c:v libvpx-vp9 -deadline good -cpu-used 5 -g $gop -b:v 120k -auto-alt-ref 1 \
    -lag-in-frames 16 -pass "$pass" -passlogfile "$work/vp9" $front "$slices/vp9.mp4"
done
run $clip -an $exact $(avc 120) -x264-params "$closed:slices=4:aud=1:repeat-headers=1" -tag:v avc3 \
  -bsf:v dump_extra=freq=keyframe $front "$slices/avc.mp4"
# hdr/: SDR for all, and PQ for those who can; DTS as ffmpeg muxes it, which is left out.
run $clip -an $exact $(avc 90) -x264-params "$closed" $front "$out/hdr/dusk_h264.mp4"
run $clip -an $exact $x265 -x265-params "$keys" -pix_fmt yuv420p10le -color_primaries bt2020 \
  -color_trc smpte2084 -colorspace bt2020nc -b:v 90k $front "$out/hdr/dusk_hevc.mp4"
run $(tone 440 48000 12) -vn $exact -ac 2 -c:a dca -strict -2 -b:a 320k $front "$out/hdr/dusk_dts.mp4"
# apart/: two codecs whose key frames meet every 14 seconds only.
clip="$(picture 160x90 $fps 20)"
run $clip -an $exact $(avc 60) -x264-params "$closed" $front "$out/apart/ebb_h264.mp4"
run $clip -an $exact $vp9 -g 70 $front "$out/apart/ebb_vp9.mp4"

# traps/: legal files with properties that break readers.
traps=$out/traps
clip="$(picture 320x180 $fps 8)"
sound="$(tone 440 48000 8)"
avc="$(avc 110)"
aac="$(aac 64 eng)"
run $clip $sound $exact $avc -x264-params "$closed" $aac "$traps/moov_at_end.mp4"
run $clip $sound $exact $avc -x264-params "$closed" $aac -movflags +faststart+negative_cts_offsets \
  "$traps/ctts_v1_negative.mp4"
run $clip $sound $exact $avc -x264-params "$closed" $aac $front -use_editlist 0 \
  -avoid_negative_ts make_zero "$traps/no_edit_list.mp4"
run $clip -an $exact $avc -x264-params "$closed:slices=4" $front "$traps/four_slices.mp4"
run $clip -an $exact $avc -x264-params "$closed:aud=1" $front "$traps/aud_in_samples.mp4"
run $clip -an $exact $avc -x264-params "$closed:repeat-headers=1" -tag:v avc3 \
  -bsf:v dump_extra=freq=keyframe $front "$traps/avc3_inband_sps_pps.mp4"
run $clip -an $exact $avc -profile:v baseline \
  -x264-params "scenecut=0:bframes=0:cabac=0:threads=1" $front "$traps/baseline_cavlc_no_ctts.mp4"
run $clip -an $exact $avc -profile:v main -x264-params "scenecut=0:bframes=0:threads=1" $front \
  "$traps/main_no_ctts.mp4"
run $clip -an $exact $avc -x264-params "open-gop=1:scenecut=0:bframes=3:threads=1" $front \
  "$traps/open_gop.mp4"
run $clip -an $exact $avc -x264-params "$closed" -force_key_frames 0,1.2,3.6,4.4,7.0 $front \
  "$traps/irregular_keyframes.mp4"
run $(picture 320x180 30000/1001 8) $(tone 440 44100 8) $exact $(avc 110) -g 60 -keyint_min 60 \
  -x264-params "$closed" $aac $front "$traps/ntsc_2997_aac_44100.mp4"
run $clip $sound -f lavfi -i "sine=frequency=660:sample_rate=48000:duration=8" -map 0 -map 1 -map 2 \
  $exact $avc -x264-params "$closed" -c:a aac -b:a 64k -metadata:s:a:0 language=eng \
  -metadata:s:a:1 language=deu $front "$traps/two_audio_tracks.mp4"
run $clip $sound $exact $avc -x264-params "$closed" $aac \
  -movflags +frag_keyframe+empty_moov+default_base_moof "$traps/fragmented_muxed_no_sidx.mp4"
# Picture and sound in fragments, as muxers of different times and makers write them.
film="$traps/fragmented_muxed_no_sidx.mp4"
run -i "$film" -map 0:v -c copy $exact -movflags +dash+global_sidx "$traps/fragmented_video_sidx.mp4"
run -i "$film" -map 0:a -c copy $exact -movflags +dash+global_sidx -frag_duration 2000000 \
  "$traps/fragmented_audio_sidx.mp4"
run -i "$film" -map 0:v -c copy $exact -movflags +frag_keyframe+empty_moov \
  "$traps/fragmented_base_data_offset.mp4"
run -i "$film" -c copy $exact -movflags +frag_keyframe "$traps/fragmented_partially.mp4"
run -i "$film" -c copy $exact -f ismv -movflags +frag_keyframe "$traps/fragmented_smooth.ismv"
# segments/: the same film as packagers leave it: with an MPD, with playlists, and with neither.
segments=$out/segments
mkdir -p "$segments/dash" "$segments/hls/v" "$segments/hls/a" "$segments/bare/v" "$segments/bare/a"
run -i "$film" -map 0 -c copy $exact -f dash -seg_duration 2 "$segments/dash/manifest.mpd"
for track in v a; do
  (cd "$segments/hls/$track" && run -i "$film" -map "0:$track" -c copy $exact -f hls -hls_time 2 \
    -hls_playlist_type vod -hls_segment_type fmp4 -hls_segment_filename 'part%d.m4s' list.m3u8)
  n=0
  for file in init.mp4 part0.m4s part1.m4s part2.m4s part3.m4s; do
    name=$([ "$n" = 0 ] && echo init.mp4 || echo "$n.m4s")
    cp "$segments/hls/$track/$file" "$segments/bare/$track/$name"
    n=$((n + 1))
  done
done
printf '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/list.m3u8\n' >"$segments/hls/main.m3u8"
node "$here/surgery.js" "$traps"

echo "$stamp" >"$out/.stamp"
