document.documentElement.classList.add('scripted');
addEventListener('click', async ({ target }) => {
  const block = target.closest('[data-copy]')?.closest('.copyable');
  if (!block) return;
  const status = block.querySelector('[role=status]');
  // Emptied first, so that screen readers announce the same again.
  status.textContent = '';
  try {
    await navigator.clipboard.writeText(block.querySelector('pre').textContent);
    status.textContent = COPIED;
  } catch {
    status.textContent = FAILED;
  }
});
