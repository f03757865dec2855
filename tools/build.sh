#!/usr/bin/env bash
# Builds the release: target/release/callgate, with the browser part embedded. Does nothing if nothing has changed.
# The browser part is built first, to target/site: split for lazy loading, with hashes in the file names, compressed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/setup.sh run
# Again, to find tools that set-up has just installed.
. tools/env.sh

# Written when a build begins, and kept only if it succeeds. Contains the compiler's version: a new compiler means a
# rebuild.
stamp=target/release-build.stamp
compiler=$(rustc --version)
inputs=()
for input in Cargo.toml Cargo.lock build.rs tools/build.sh tools/env.sh macros src locales style public migrations; do
  if [ -e "$input" ]; then inputs+=("$input"); fi
done

fresh() {
  # Only a release build creates the compressed browser part. `make dev` writes to its own folder.
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
echo "Building Callgate (on two cores about 8 min from scratch, 2 min after a change)"
echo "$compiler" >"$stamp.new"
rm -f "$stamp"
# Erased view types reduce the size of both parts by a third. Both must use them, or hydration fails.
flags=("--cfg=erase_components")
# Panic messages contain source paths. Remap them, so that they do not reveal this machine. The last matching prefix
# wins.
flags+=("--remap-path-prefix=$HOME=~" "--remap-path-prefix=$project=callgate"
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates"
  "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=rust")
read -ra own_flags <<<"${RUSTFLAGS:-}"
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' ${own_flags[@]+"${own_flags[@]}"} "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
rm -rf target/site
# Splitting needs relocations. cargo-leptos adds the flag itself only if no other flags are set. Both run without the
# lock (9>&-), because background processes that outlive them, such as a compiler cache, would hold it.
CARGO_ENCODED_RUSTFLAGS+=$(printf '\x1f-Clink-args=--emit-relocs') LEPTOS_HASH_FILES=true \
  cargo leptos build --release --precompress --split --frontend-only 9>&-
EMBEDDED_SITE=$project/target/site cargo build --release --features ssr --bin callgate 9>&-
mv "$stamp.new" "$stamp"
