import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { guides } from './tools/guides.ts';
import { prompt } from './tools/prompt.ts';
import { squeezed } from './tools/squeezed.ts';
import { stamped } from './tools/stamped.ts';

// The build time of parts is no warning. Other warnings are shown.
const QUIET = { bundlerTimings: false };

// No file may be inlined into a page: its Content-Security-Policy allows neither `data:` fonts nor inline scripts.
export default defineConfig({
  base: '/',
  plugins: [guides(), prompt(), svelte(), stamped(), squeezed()],
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  build: {
    target: ['chrome109', 'safari15.4', 'firefox115'],
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: { checks: QUIET },
  },
  worker: { rolldownOptions: { checks: QUIET } },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'] },
});
