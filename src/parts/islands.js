const FIELDS = 'input:not([type=hidden]), select, textarea';

// Typing can begin where that opens no keyboard on the screen. A message that has the focus keeps it.
if (matchMedia('(pointer: fine)').matches && document.activeElement === document.body && !document.querySelector('[autofocus]'))
  [...document.querySelectorAll(`[data-focus] :is(${FIELDS})`)].find(field => !field.hidden && !field.value)?.focus();

const program = await import(JS);
await program.default({ module_or_path: WASM });
program.hydrate();

const islands = [...document.querySelectorAll('leptos-island')].filter(shown => shown.sent).map(shown => ({ shown, sent: shown.sent }));
let failed = false;

const state = field => [field.value, field.checked, [...(field.selectedOptions ?? [])].map(option => option.index)].join();

/** Pairs the fields that match in both elements. */
function pairs(from, to) {
  const rest = [...from.querySelectorAll(FIELDS)];
  return [...to.querySelectorAll(FIELDS)].flatMap(field => {
    const at = rest.findIndex(({ name, id, value }) => name === field.name && id === field.id && (field.type !== 'radio' || value === field.value));
    return at < 0 ? [] : [[rest.splice(at, 1)[0], field]];
  });
}

function copy(from, to) {
  if (state(from) === state(to)) return false;
  if (to.options) [...to.options].forEach((option, at) => (option.selected = from.options[at]?.selected));
  else [to.value, to.checked] = [from.value, from.checked];
  return true;
}

/** Replaces the shown element and moves the focus along. */
function replace(island, element) {
  const active = document.activeElement;
  const has = island.shown.contains(active);
  const focused = has && (pairs(island.shown, element).find(([from]) => from === active)?.[1] ?? (active.id && element.querySelector(`#${CSS.escape(active.id)}`)));
  island.shown.replaceWith(element);
  island.shown = element;
  if (focused) {
    focused.focus({ preventScroll: true });
    if (active.selectionStart != null) focused.setSelectionRange(active.selectionStart, active.selectionEnd);
  }
}

async function takeOver(island) {
  const live = island.sent.cloneNode(true);
  // The copy may contain input that the browser restored after Back.
  for (const form of live.querySelectorAll('form')) form.reset();
  const typed = pairs(island.shown, live).map(([from, to]) => ({ from, to, isTyped: copy(from, to), before: state(from) }));
  await program[live.dataset.component](live);
  if (failed) return;
  const changed = typed.filter(({ from, to, isTyped, before }) => (state(from) !== before && copy(from, to)) || isTyped);
  replace(island, live);
  island.isLive = true;
  for (const { to } of changed) to.dispatchEvent(new Event('input', { bubbles: true }));
}

function giveUp() {
  failed = true;
  for (const island of islands.filter(({ isLive }) => isLive)) {
    const plain = island.sent.cloneNode(true);
    for (const [from, to] of pairs(island.shown, plain)) copy(from, to);
    replace(island, plain);
    island.isLive = false;
  }
}

const onFailure = ({ error, reason }) => (error ?? reason) instanceof WebAssembly.RuntimeError && giveUp();
addEventListener('error', onFailure);
addEventListener('unhandledrejection', onFailure);
await Promise.all(islands.map(takeOver));
