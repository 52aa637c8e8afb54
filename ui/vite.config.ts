import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The same policy as the shell, so that a breach shows in `vite preview` already.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'";

export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  server: { port: 1420, strictPort: true },
  preview: { port: 4173, headers: { 'Content-Security-Policy': policy } },
  build: {
    target: ['es2022', 'chrome111', 'safari16'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  resolve: { conditions: process.env.VITEST ? ['browser'] : ['browser', 'module', 'import', 'default'] },
  test: { environment: 'jsdom', include: ['tests/**/*.test.ts'], setupFiles: ['tests/world/browser.ts'] },
});
