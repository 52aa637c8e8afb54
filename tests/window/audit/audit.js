// What is wrong with the screen as it shows: no heading, wider than the window, text too faint (WCAG 2.2, 1.4.3),
// or on a phone a target too small for a thumb (UI.md: 48 px).
const faults = new Set();
const shows = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const name = (element) => {
  const id = element.closest('[data-testid]')?.dataset.testid ?? '';
  return `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} in ${id} "${element.textContent.trim().slice(0, 24)}"`;
};

const headings = [...document.querySelectorAll('h1')].filter((one) => one.textContent.trim() !== '');
if (headings.length === 0) faults.add('no h1');

if (document.scrollingElement.scrollWidth > innerWidth) faults.add(`the page is ${document.scrollingElement.scrollWidth} px wide`);
const clips = (element) => {
  for (let at = element.parentElement; at !== null && at !== document.body; at = at.parentElement) {
    if (getComputedStyle(at).overflowX !== 'visible') return true;
  }
  return false;
};
for (const element of document.querySelectorAll('body *')) {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || !shows(element) || element.closest('.offscreen') || element.closest('svg')) continue;
  if ((box.right > innerWidth + 1 || box.left < -1) && !clips(element)) faults.add(`beyond the edge: ${name(element)}`);
}

const channels = (colour) => {
  const numbers = colour.match(/-?[\d.]+(e-?\d+)?/g)?.map(Number) ?? [0, 0, 0, 0];
  const [r, g, b] = colour.startsWith('color(') ? numbers.slice(0, 3).map((part) => part * 255) : numbers;
  return [r, g, b, numbers[3] ?? 1];
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const behind = (element) => {
  const layers = [];
  for (let at = element; at !== null; at = at.parentElement) {
    const layer = channels(getComputedStyle(at).backgroundColor);
    if (layer[3] > 0) layers.push(layer);
    if (layer[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const light = ([r, g, b]) => {
  const [R, G, B] = [r, g, b].map((part) => {
    const c = part / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * R + 0.7152 * G + 0.0722 * B;
};
const contrast = (one, other) => {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (texts.currentNode.data.trim() === '' || !shows(element) || element.closest(':disabled, .offscreen, script, style')) continue;
  const style = getComputedStyle(element);
  const back = behind(element);
  const front = over(channels(element.closest('svg') ? style.fill : style.color), back);
  const ratio = contrast(front, back);
  if (ratio < 4.5) faults.add(`contrast ${ratio.toFixed(2)}: ${name(element)}`);
}

if (innerWidth < 720) {
  for (const target of document.querySelectorAll('button, summary, select, input, textarea, a[href]')) {
    if (!shows(target) || getComputedStyle(target).display === 'inline' || target.closest('.offscreen')) continue;
    const box = target.getBoundingClientRect();
    if (box.width > 0 && (box.height < 47.5 || box.width < 47.5)) {
      faults.add(`target ${Math.round(box.width)}x${Math.round(box.height)}: ${name(target)}`);
    }
  }
}
return [...faults];
