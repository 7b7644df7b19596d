#!/usr/bin/env bash
# Makes assets/hevc-decoder/hevc.wasm: decoder.c and FFmpeg's HEVC decoder, compiled to WebAssembly with vector
# instructions. From nothing, in a temporary folder; the same sources give the same bytes.
#
#   wasm/hevc/build.sh [ffmpeg-9.0.2.tar.xz]
#
# Needs bash, curl, GNU make, patch, tar, xz and Python 3 with venv on x86-64 Linux. Without a tarball it is fetched from
# FFmpeg's site, or else from the Debian mirror that this machine uses, whose source package ffmpeg 9.0.2 has the same.
set -euo pipefail

version=9.0.2
source_sha256=8c3850283eb25fa026482078a04051e0be17347b09ef81a0849bec15a96e002e
zig='ziglang==0.17.1 --hash=sha256:ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54'

here=$(cd "$(dirname "$0")" && pwd)
assets=$here/../../assets/hevc-decoder
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tarball=$work/ffmpeg.tar.xz
if [ $# -gt 0 ]; then
  cp "$1" "$tarball"
else
  mirrors=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/$' | sort -u || true)
  for url in "https://ffmpeg.org/releases/ffmpeg-$version.tar.xz" \
    ${mirrors:+$(printf "%spool/main/f/ffmpeg/ffmpeg_$version.orig.tar.xz\n" $mirrors)}; do
    curl --fail --silent --show-error --location --max-time 300 --output "$tarball" "$url" && break
  done
fi
echo "$source_sha256  $tarball" | sha256sum --check --quiet
mkdir "$work/src" "$work/build"
tar xf "$tarball" -C "$work/src" --strip-components 1
patch --quiet -d "$work/src" -p1 <"$here/registers.patch"

python3 -m venv "$work/venv"
echo "$zig" >"$work/zig.txt"
"$work/venv/bin/pip" install --quiet --require-hashes --only-binary :all: --no-deps -r "$work/zig.txt"
zig=$("$work/venv/bin/python" -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__))')/zig
mkdir "$work/bin"
for tool in 'cc -target wasm32-wasi' ar ranlib; do
  printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$zig" "$tool" >"$work/bin/wasm-${tool%% *}"
done
chmod +x "$work"/bin/*
export PATH=$work/bin:$PATH ZIG_GLOBAL_CACHE_DIR=$work/cache ZIG_LOCAL_CACHE_DIR=$work/cache

cd "$work/build"
features='-msimd128 -mbulk-memory -mnontrapping-fptoint -mmultivalue'
../src/configure --cc=wasm-cc --ar=wasm-ar --ranlib=wasm-ranlib --nm=true --strip=true \
  --enable-cross-compile --target-os=none --arch=wasm32 \
  --disable-everything --disable-autodetect --disable-programs --disable-doc --disable-network --disable-avformat \
  --disable-avfilter --disable-avdevice --disable-swscale --disable-swresample --disable-pthreads --disable-debug \
  --disable-logging --disable-runtime-cpudetect --enable-decoder=hevc \
  --extra-cflags="$features" --optflags=-O3 >configure.log
# WASI's headers name mmap, which it does not have; FFmpeg takes WebAssembly's counting of zeros, and its loads from any
# address, for slow.
sed -i -e 's/\(#define HAVE_MMAP\) 1/\1 0/' -e 's/\(#define \(HAVE_FAST_CLZ\|HAVE_FAST_64BIT\)\) 0/\1 1/' \
  -e 's/\(#define \(HAVE\|CONFIG\)_FAST_UNALIGNED\) 0/\1 1/' config.h
make -j"$(nproc)" libavcodec/libavcodec.a libavutil/libavutil.a >make.log 2>&1

# A large photo by itself takes at most 1 GB.
wasm-cc -mexec-model=reactor -O3 $features -I. -I../src -DHAVE_AV_CONFIG_H -o hevc.wasm "$here/decoder.c" \
  libavcodec/libavcodec.a libavutil/libavutil.a -Wl,--gc-sections -Wl,--strip-all -Wl,-z,stack-size=1048576 \
  -Wl,--max-memory=1073741824
mkdir -p "$assets"
cp hevc.wasm ../src/COPYING.LGPLv2.1 "$assets/"
sha256sum hevc.wasm
