// Takes the pictures of the README: `make pictures`. They are looked at before they are committed.
import { defineConfig } from '@playwright/test';
import type { Options } from './support/test.ts';
import tests from './playwright.config.ts';

export default defineConfig<Options>({
  ...tests,
  testMatch: 'pictures.ts',
  workers: 1,
  projects: [{ name: 'pictures', use: { hydrates: true, viewport: { width: 1280, height: 1100 } } }],
});
