#include "bench/header_stencil.hpp"

#include <charconv>

namespace trireme::bench {

HeaderStencil::HeaderStencil(const SessionId& session, std::string_view msg_type)
    : session_(session.str()),
      before_number_(R"({"msg_id": ")" + session_ + "_"),
      before_date_(R"(", "msg_type": ")" + std::string(msg_type) +
                   R"(", "username": "bench", "session": ")" + session_ + R"(", "date": ")") {}

std::string HeaderStencil::make(std::uint64_t number, std::string_view date) const {
  constexpr std::string_view kEnd = R"(", "version": "5.3"})";
  std::string text;
  text.reserve(before_number_.size() + 20 + before_date_.size() + date.size() + kEnd.size());
  text += before_number_;
  char digits[20];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  text += before_date_;
  text += date;
  text += kEnd;
  return text;
}

std::string HeaderStencil::msg_id(std::uint64_t number) const {
  return session_ + "_" + std::to_string(number);
}

bool find_number(std::string_view header, std::string_view session, std::uint64_t& number) {
  const std::size_t at = header.find(session);
  if (at == std::string_view::npos) return false;
  const char* first = header.data() + at + session.size();
  const char* end = header.data() + header.size();
  return first < end && *first == '_' && std::from_chars(first + 1, end, number).ec == std::errc{};
}

}  // namespace trireme::bench
