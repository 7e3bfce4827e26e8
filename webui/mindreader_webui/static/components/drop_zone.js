// An area onto which files can be dropped.

/** @param {HTMLElement} area @param {(transfer: DataTransfer) => void} onDrop */
export function dropZone(area, onDrop) {
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("dropping");
  });
  area.addEventListener("dragleave", () => area.classList.remove("dropping"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("dropping");
    if (event.dataTransfer) onDrop(event.dataTransfer);
  });
}
