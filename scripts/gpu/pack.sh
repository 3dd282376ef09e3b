#!/usr/bin/env bash
# Packs what scripts/gpu/check.sh needs on a machine that has a GPU and no network.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/gpu/pack.sh [FOLDER]

Copies the headers and small libraries that AERO is built with (a few MB) from this machine's Debian
packages to FOLDER (default: build/gpu-pack), for scripts/gpu/check.sh on a machine without network.
Copy the checkout there with this folder in it. The pack names the commit, so make it again for each
commit. LibTorch comes from the torch package of the other machine. A pack that is in FOLDER is
replaced. Needs what scripts/setup.sh installs. The libraries run on any Linux of this machine's
architecture whose glibc is not older than this machine's.
END
}

fail() {
  printf 'pack: %s\n' "$@" >&2
  exit 1
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) usage >&2 && exit 2 ;;
esac
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
folder=$(realpath -m "${1:-$root/build/gpu-pack}")
cd "$root"
[[ ! -e $folder || -d $folder ]] || fail "$folder is a file; name a folder"
if [[ -d $folder && ! (-f $folder/commit && -d $folder/usr) && -n $(ls -A "$folder") ]]; then
  fail "$folder is not a pack; name another folder, or empty it"
fi
packages=(libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libgtest-dev libgmock-dev
  libpcre2-dev libdeflate-dev zlib1g-dev pkgconf-bin libpkgconf3)
dpkg-query -W "${packages[@]}" >/dev/null || fail "first run scripts/setup.sh, which installs these packages"
mkdir -p "$(dirname "$folder")"
unfinished=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
chmod 755 "$unfinished"

# Copies headers, static libraries, and the files by which CMake and pkg-config find them.
dpkg -L "${packages[@]}" |
  grep -E '^/usr/(include|bin|lib|share/(cmake|pkgconfig))/' |
  while IFS= read -r file; do
    if [[ ! -d $file ]]; then
      printf '%s\n' "${file#/}"
    fi
  done |
  tar -C / -c --no-recursion -T - | tar -C "$unfinished" -x

lib=$(echo "$unfinished"/usr/lib/*-linux-gnu)
# spdlog and fmt are shared libraries, each with a link of the name that programs load.
for name in spdlog fmt; do
  file=$(realpath "/${lib#"$unfinished"/}/lib$name.so")
  cp -a "$file" "$lib/"
  soname=$(objdump -p "$file" | sed -n 's/^ *SONAME *//p')
  ln -sf "$(basename "$file")" "$lib/$soname"
done
# Only the static libraries of libdeflate, zlib and PCRE2 stay.
rm -f "$lib"/libdeflate.so* "$lib"/libz.so* "$lib"/libpcre2-*.so* "$lib"/libpcre2-{16,32}*
# The wrapper of pkg-config finds its library and files wherever the pack is.
rm -f "$unfinished/usr/bin/pcre2-config"
cat >"$unfinished/usr/bin/pkg-config" <<'END'
#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/../lib/*-linux-gnu) exec "$here/pkgconf" "$@"
END
chmod +x "$unfinished/usr/bin/pkg-config"
sed -i -e 's|^prefix=/usr$|prefix=${pcfiledir}/../../..|' \
  -e 's|^includedir=/usr/|includedir=${prefix}/|' -e 's|^libdir=/usr/.*|libdir=${pcfiledir}/..|' \
  "$lib"/pkgconfig/*.pc

# The file names the commit where git cannot; it also marks this folder as a pack.
git describe --always --dirty --abbrev=12 >"$unfinished/commit"

rm -rf "$folder"
mv "$unfinished" "$folder"
printf 'pack: %s (%s)\n' "$folder" "$(du -sh "$folder" | cut -f 1)"
