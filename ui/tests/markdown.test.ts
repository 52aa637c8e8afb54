import { expect, test } from 'vitest';
import { renderMarkdown } from '../src/lib/markdown';

function rendered(text: string): HTMLElement {
  const element = document.createElement('div');
  element.innerHTML = renderMarkdown(text);
  return element;
}

test('markup of a note stays text', () => {
  const element = rendered('<script>alert(1)</script><img src=x onerror="alert(1)"> <b onclick=x>b</b>');
  expect(element.querySelector('script, img, b')).toBeNull();
  expect(element.textContent).toContain('<script>alert(1)</script>');
});

test('a link shows its address and leads nowhere', () => {
  const element = rendered('[the paper](https://example.org/a?b=c&d)');
  expect(element.querySelector('a')).toBeNull();
  expect(element.textContent?.trim()).toBe('the paper https://example.org/a?b=c&d');
});

test('an address on its own is said once', () => {
  expect(rendered('https://example.org/a?b=c&d').textContent?.trim()).toBe('https://example.org/a?b=c&d');
});

test.each(['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd'])(
  'a link to %s is only its words',
  (href) => {
    const element = rendered(`[words](${href})`);
    expect(element.textContent?.trim()).toBe('words');
    expect(element.innerHTML).not.toContain(href);
  },
);

test('no image is loaded', () => {
  const element = rendered('![a chart](https://example.org/chart.png)');
  expect(element.querySelector('img')).toBeNull();
  expect(element.innerHTML).not.toContain('example.org');
  expect(element.textContent).toContain('a chart');
});

test('no attribute survives that could load, run or style', () => {
  const element = rendered('[x](https://example.org "t\\" onmouseover=alert(1)")\n\n| a |\n|:-:|\n| b |\n\n- [ ] task');
  const names = [...element.querySelectorAll('*')].flatMap((one) => one.getAttributeNames());
  expect(names.filter((name) => !['class', 'align', 'start'].includes(name))).toEqual([]);
});

test('what people write is formatted', () => {
  const element = rendered('# Bread\n\n- 500 g *flour*\n\n```\ncargo xtask\n```');
  expect(element.querySelector('h1')?.textContent).toBe('Bread');
  expect(element.querySelector('li em')?.textContent).toBe('flour');
  expect(element.querySelector('pre code')?.textContent).toContain('cargo xtask');
});
