// Print a workbook as SheetJS reads it: the rows of each sheet as values and as shown, and the cells that are formulas.
import { readFileSync } from "node:fs";
import XLSX from "xlsx";

const book = XLSX.read(readFileSync(process.argv[2]), { cellDates: false, cellFormula: true });
const sheets = {}, shown = {}, formulas = [];
for (const name of book.SheetNames) {
  const sheet = book.Sheets[name];
  sheets[name] = XLSX.utils.sheet_to_json(sheet, { header: 1, raw: true, defval: null });
  shown[name] = XLSX.utils.sheet_to_json(sheet, { header: 1, raw: false, defval: "" });
  for (const [place, cell] of Object.entries(sheet)) if (cell?.f) formulas.push(`${name}!${place}`);
}
process.stdout.write(JSON.stringify({ names: book.SheetNames, sheets, shown, formulas }));
