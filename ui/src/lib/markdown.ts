import DOMPurify from 'dompurify';
import { Marked } from 'marked';

/** Longer texts are shown plain: nobody reads them formatted, and parsing must not hold the window. */
const LIMIT_CHARS = 200_000;

const TAGS = [
  'p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'pre', 'code', 'em', 'strong',
  'del', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'span',
];

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ text, href }) => `<span>[${escape(text || href)}]</span>`,
    checkbox: ({ checked }) => (checked ? '\u2611 ' : '\u2610 '),
    link({ href, text, tokens }) {
      const label = this.parser.parseInline(tokens);
      if (!isShown(href) || text === href) return `<span class="link">${label}</span>`;
      return `<span class="link">${label}</span> <span class="address">${escape(href)}</span>`;
    },
  },
});

/**
 * A note's Markdown as HTML that can do nothing: no element that loads, runs or leads out of the window.
 * A link is its words followed by its address; an image is its description.
 */
export function renderMarkdown(text: string): string {
  const html = text.length > LIMIT_CHARS ? `<p>${escape(text)}</p>` : marked.parse(text, { async: false });
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ['class', 'start', 'align'],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

function isShown(href: string): boolean {
  return /^(https?:|mailto:)/i.test(href);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
