#!/usr/bin/env bash
# Packs what scripts/gpu/check.sh needs on a machine that has a GPU and no network.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/gpu/pack.sh [FOLDER]

Copies the headers and small libraries that AERO is built with (a few MB) from this machine's Debian
packages to FOLDER (default: build/gpu-pack), for scripts/gpu/check.sh on a machine without network.
Take the checkout there with this folder in it, made anew for each commit, which it names; LibTorch
comes from the torch package over there. What stood in FOLDER gives way if it is a pack, too.
Needs what scripts/setup.sh installs. The libraries run on any Linux of this machine's architecture
whose glibc is not older than this machine's.
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
  fail "$folder holds something else than a pack; name another folder, or empty it"
fi
packages=(libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libgtest-dev libgmock-dev
  libpcre2-dev zlib1g-dev pkgconf-bin libpkgconf3)
dpkg-query -W "${packages[@]}" >/dev/null || fail "first run scripts/setup.sh, which installs these packages"
mkdir -p "$(dirname "$folder")"
unfinished=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
chmod 755 "$unfinished"

# Headers, static libraries, and the files by which CMake and pkg-config find them.
dpkg -L "${packages[@]}" |
  grep -E '^/usr/(include|bin|lib|share/(cmake|pkgconfig))/' |
  while IFS= read -r file; do
    if [[ ! -d $file ]]; then
      printf '%s\n' "${file#/}"
    fi
  done |
  tar -C / -c --no-recursion -T - | tar -C "$unfinished" -x

lib=$(echo "$unfinished"/usr/lib/*-linux-gnu)
# spdlog and fmt are shared libraries, with a link of the name that programs ask for.
for name in spdlog fmt; do
  file=$(realpath "/${lib#"$unfinished"/}/lib$name.so")
  cp -a "$file" "$lib/"
  soname=$(objdump -p "$file" | sed -n 's/^ *SONAME *//p')
  ln -sf "$(basename "$file")" "$lib/$soname"
done
# Of zlib and PCRE2 the static libraries stay.
rm -f "$lib"/libz.so* "$lib"/libpcre2-*.so* "$lib"/libpcre2-{16,32}*
# pkg-config finds its library and files wherever they lie.
rm -f "$unfinished/usr/bin/pcre2-config"
cat >"$unfinished/usr/bin/pkg-config" <<'END'
#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/../lib/*-linux-gnu) exec "$here/pkgconf" "$@"
END
chmod +x "$unfinished/usr/bin/pkg-config"
sed -i 's|^prefix=/usr$|prefix=${pcfiledir}/../../..|' "$lib"/pkgconfig/*.pc

# What the sources are, where git does not say it; by it this folder is known as a pack.
git describe --always --dirty --abbrev=12 >"$unfinished/commit"

rm -rf "$folder"
mv "$unfinished" "$folder"
printf 'pack: %s (%s)\n' "$folder" "$(du -sh "$folder" | cut -f 1)"
