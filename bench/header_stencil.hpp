// Headers of one sender and type, made by filling in the number and the date only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "session/ids.hpp"

namespace trireme::bench {

/// Makes the JSON text of headers whose msg_id is the session, an underscore and a number.
class HeaderStencil {
 public:
  HeaderStencil(const SessionId& session, std::string_view msg_type);

  std::string make(std::uint64_t number, std::string_view date) const;

  /// The id of the message with this number.
  std::string msg_id(std::uint64_t number) const;

 private:
  std::string session_;
  std::string before_number_;
  std::string before_date_;
};

/// The number within a msg_id of this session that stands in a header's text; false when the
/// header is of another session.
bool find_number(std::string_view header, std::string_view session, std::uint64_t& number);

}  // namespace trireme::bench
