import './style/fonts.css';
import './style/tokens.css';
import './style/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { registerLater } from './browser/worker';

const target = document.getElementById('app');
if (target === null) throw new Error('the page has no #app');
mount(App, { target });
registerLater();
