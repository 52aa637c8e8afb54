import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './tokens.css';
import './base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { chooseBackend } from './backend/choose';

const target = document.getElementById('app');
if (target !== null) mount(App, { target, props: { backend: await chooseBackend() } });
