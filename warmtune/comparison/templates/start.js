// What happens when: the static page works at once, the answers when their data is unpacked. Last of the scripts.
startTheme();
startPrint();
document.addEventListener("DOMContentLoaded", async () => {
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const data = await unpack();
  startFiles(data);
  startVariant(data, startAnswers(data));
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
});
