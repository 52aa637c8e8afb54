#!/bin/sh
# A second Rust with its sources, to type-check for targets that rustup has no standard library of here: Debian's rustc-web
# is unpacked into a folder of its own (about 140 MB; installed, it would stand in rustup's way). Needs apt.
#   fetch.sh FOLDER
set -eu
root=$1
[ ! -e "$root/ready" ] || exit 0
depends() { apt-cache depends "$@" | sed -n "s/.*Depends: \($pattern\)\$/\1/p" | head -n 1; }
pattern='libstd-rust-web-[0-9.]*' && std=$(depends libstd-rust-web-dev)
pattern='libllvm[0-9]*' && llvm=$(depends rustc-web "$std")
mkdir -p "$root/deb"
cd "$root/deb"
apt-get download -q rustc-web "$std" libstd-rust-web-dev rust-web-src "$llvm" >&2
for package in *.deb; do dpkg -x "$package" "$root"; done
mkdir -p "$root/usr/lib/rustlib/src"
ln -sfn "$(ls -d "$root"/usr/src/rustc-* | head -n 1)" "$root/usr/lib/rustlib/src/rust"
rm -rf "$root/deb"
touch "$root/ready"
