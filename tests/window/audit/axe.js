// The serious findings of axe-core; contrast is measured in audit.js, which knows what lies behind.
window.axeFound = null;
axe.run(document, { rules: { 'color-contrast': { enabled: false } }, resultTypes: ['violations'] }).then(
  ({ violations }) => {
    window.axeFound = violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ target }) => `axe ${id}: ${target.join(' ')}`));
  },
  (error) => {
    window.axeFound = [`axe failed: ${error}`];
  },
);
