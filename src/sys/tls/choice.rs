// SPDX-License-Identifier: LGPL-2.1-or-later
//! The handshake of a stream, with another of a server's contexts where the client is for that.
use super::error::{Phase, TlsError};
use super::stream::{Progress, Stream};

impl Stream {
    /// Goes on with the handshake as far as the input reaches.
    ///
    /// # Errors
    /// Why there will be no connection.
    pub fn handshake(&mut self) -> Result<Progress, TlsError> {
        let Some(mut opening) = self.opening.take() else { return self.settled() };
        loop {
            let result = self.advance();
            let is_first = self.phase == Phase::FirstFlight;
            let next = match &result {
                Ok(Progress::Pending) if self.is_for_another_kind() => opening.of_the_other_kind(),
                Err(TlsError::WrongKey) if is_first => opening.next_key(),
                _ => None,
            };
            let Some((place, context)) = next else {
                if is_first && opening.is_open() && result == Ok(Progress::Pending) {
                    self.opening = Some(opening);
                }
                return result;
            };
            *self = Self::accepting(&context, false)?;
            self.place = place;
            self.feed(opening.seen());
        }
    }

    /// The same when no other context can be used any longer.
    fn settled(&mut self) -> Result<Progress, TlsError> {
        let result = self.advance();
        if !self.is_for_another_kind() {
            return result;
        }
        self.failed = true;
        Err(TlsError::Other("the client offers another proof than before, or too late".to_owned()))
    }
}
