#!/usr/bin/env bash
# The release build: target/release/callgate and target/site, compressed. Does nothing when nothing has changed.
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
for input in Cargo.toml Cargo.lock build.rs tools/build.sh src style public migrations; do
  if [ -e "$input" ]; then inputs+=("$input"); fi
done

fresh() {
  # The compressed browser part is there only after a release build: `make dev` writes another one to its own folder.
  [ -x target/release/callgate ] && compgen -G 'target/site/pkg/*.wasm.br' >/dev/null &&
    [ "$(cat "$stamp" 2>/dev/null)" = "$compiler" ] && [ -z "$(find "${inputs[@]}" -newer "$stamp" -print -quit)" ]
}

if fresh; then exit 0; fi
mkdir -p target
if command -v flock >/dev/null; then
  exec 9>target/release-build.lock
  flock 9
  if fresh; then exit 0; fi
fi
echo "Building Callgate (about 10 min from nothing on two cores, much less after a change)"
echo "$compiler" >"$stamp.new"
rm -f "$stamp"
# Panics name the file that they come from. What they name is the crate, and not where the builder keeps it: of several
# prefixes that fit, the last one counts.
flags=("--remap-path-prefix=$HOME=~" "--remap-path-prefix=$project=callgate"
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates")
read -ra own_flags <<<"${RUSTFLAGS:-}"
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' ${own_flags[@]+"${own_flags[@]}"} "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
cargo leptos build --release --precompress
mv "$stamp.new" "$stamp"
