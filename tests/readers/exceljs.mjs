// Print a workbook as ExcelJS reads it: the rows of each sheet as values, and how many pictures each sheet has.
import ExcelJS from "exceljs";

const book = new ExcelJS.Workbook();
await book.xlsx.readFile(process.argv[2]);
const sheets = {}, images = {};
for (const sheet of book.worksheets) {
  sheets[sheet.name] = [];
  sheet.eachRow({ includeEmpty: true }, (row) => sheets[sheet.name].push(row.values.slice(1)));
  images[sheet.name] = sheet.getImages().length;
}
process.stdout.write(JSON.stringify({ names: book.worksheets.map((sheet) => sheet.name), sheets, images }));
