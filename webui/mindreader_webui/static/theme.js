// The look this browser was told to have; without one, the system's. Not a module: modules wait until the page is read,
// and it would be painted in the wrong one first.
{
  const theme = (() => {
    try {
      return localStorage.getItem("mindreader.theme");
    } catch {
      return null; // a browser that keeps nothing
    }
  })();
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
