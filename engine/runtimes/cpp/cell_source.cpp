// Each part is preceded by its line number and as much space as it had.
#include "engine/runtimes/cpp/cell_source.hpp"

namespace trireme {
namespace {

/// What stands before the part: white space, comments, lone semicolons.
std::string_view lead_of(const CellText& cell, std::size_t part) {
  const std::size_t begin = part == 0 ? 0 : cell.parts[part - 1].end;
  return cell.code.substr(begin, cell.parts[part].begin - begin);
}

std::string line_mark(const CellText& cell, std::size_t at) {
  return "#line " + std::to_string(line_of(cell.code, at)) + " \"" + cell.file + "\"\n" +
         std::string(column_of(cell.code, at), ' ');
}

std::string_view text_of(const CellText& cell, std::size_t part) {
  return cell.code.substr(cell.parts[part].begin, cell.parts[part].end - cell.parts[part].begin);
}

/// The part with what stands before it, on its own lines.
void append_part(std::string& source, const CellText& cell, std::size_t part) {
  const std::string_view lead = lead_of(cell, part);
  source += line_mark(cell, cell.parts[part].begin - lead.size());
  source += lead;
  source += text_of(cell, part);
  source += cell.parts[part].wants_semicolon ? "\n;\n" : "\n";
}

}  // namespace

std::vector<CellGroup> group_parts(const std::vector<CellPart>& parts) {
  std::vector<CellGroup> groups;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_header) continue;
    const bool is_code = parts[i].kind != CellPart::Kind::kDeclaration;
    const bool joins = !groups.empty() && groups.back().is_code == is_code &&
                       groups.back().is_sure && parts[i].is_sure;
    if (!joins) groups.push_back({is_code, parts[i].is_sure, {}});
    groups.back().parts.push_back(i);
  }
  return groups;
}

std::string declaration_source(const CellText& cell, const CellGroup& group,
                               const std::set<std::size_t>& renamed, const std::string& home) {
  std::string source;
  for (const std::size_t part : group.parts) {
    const bool is_renamed = renamed.contains(part);
    if (is_renamed) source += "inline namespace " + home + " {\n";
    append_part(source, cell, part);
    if (is_renamed) source += "}\n";
  }
  return source;
}

std::string statement_source(const CellText& cell, const CellGroup& group,
                             const std::string& entry) {
  std::string source = "extern \"C\" void " + entry + "() {\n";
  for (const std::size_t part : group.parts) {
    if (cell.parts[part].kind != CellPart::Kind::kExpression) {
      append_part(source, cell, part);
      continue;
    }
    source += lead_of(cell, part);
    source += cell.is_silent ? "\n(void)(\n" : "\n::trireme::cell::Show(), (\n";
    source += line_mark(cell, cell.parts[part].begin);
    source += text_of(cell, part);
    source += "\n);\n";
  }
  return source + "}\n";
}

}  // namespace trireme
