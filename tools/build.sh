#!/usr/bin/env bash
# The release build: target/release/callgate, with the browser part in it. Does nothing when nothing has changed.
# The browser part is built first, to target/site: what few pages need in files of its own, with hashes in the names, compressed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/setup.sh run
# Once more: what set-up has only now installed is found from here on.
. tools/env.sh

# Touched when a build begins, kept only if it ends well. It holds the compiler's version: another one means a rebuild.
stamp=target/release-build.stamp
compiler=$(rustc --version)
inputs=()
for input in Cargo.toml Cargo.lock build.rs tools/build.sh tools/env.sh macros src style public migrations; do
  if [ -e "$input" ]; then inputs+=("$input"); fi
done

fresh() {
  # The compressed browser part is there only after a release build: `make dev` writes another one to its own folder.
  [ -x target/release/callgate ] && compgen -G 'target/site/pkg/callgate.*.wasm.br' >/dev/null &&
    [ "$(cat "$stamp" 2>/dev/null)" = "$compiler" ] && [ -z "$(find "${inputs[@]}" -newer "$stamp" -print -quit)" ]
}

if fresh; then exit 0; fi
mkdir -p target
if command -v flock >/dev/null; then
  exec 9>target/release-build.lock
  flock 9
  if fresh; then exit 0; fi
fi
echo "Building Callgate (about 8 min from nothing on two cores, 2 after a change)"
echo "$compiler" >"$stamp.new"
rm -f "$stamp"
# Views of erased types: a third less program in both halves, which must agree, or the browser cannot take over a page.
flags=("--cfg=erase_components")
# Panics name the file that they come from: by crate, not by its place on this machine. Of several prefixes that fit, the last
# one counts.
flags+=("--remap-path-prefix=$HOME=~" "--remap-path-prefix=$project=callgate"
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates"
  "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=rust")
read -ra own_flags <<<"${RUSTFLAGS:-}"
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' ${own_flags[@]+"${own_flags[@]}"} "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
rm -rf target/site
# The relocations are what the splitting goes by; cargo-leptos would ask for them itself if there were no other flags.
# Both without the lock: what goes on in the background after them (a compiler cache, say) would keep it.
CARGO_ENCODED_RUSTFLAGS+=$(printf '\x1f-Clink-args=--emit-relocs') LEPTOS_HASH_FILES=true \
  cargo leptos build --release --precompress --split --frontend-only 9>&-
EMBEDDED_SITE=$project/target/site cargo build --release --features ssr --bin callgate 9>&-
mv "$stamp.new" "$stamp"
