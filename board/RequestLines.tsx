import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { WARNING } from './colors.ts';
import type { RequestView } from './session-view.ts';

/** More are told by their number. */
export const MOST_REQUEST_LINES = 3;

/** A code as people compare it: "123 456". */
export const spaced = (code: string): string => `${code.slice(0, 3)} ${code.slice(3)}`;

const account = ({ agreed, why }: RequestView): string =>
  [agreed ? 'its own side has said yes' : 'its own side has not said yes yet', why]
    .filter(Boolean)
    .join('; ');

/** Machines that ask to be let in, the one that asked first on top. */
export const RequestLines = ({ requests }: { requests: readonly RequestView[] }): ReactNode => (
  <Box flexDirection="column" flexShrink={0}>
    {requests.slice(0, MOST_REQUEST_LINES).map((request, at) => (
      <Text key={request.request} wrap="truncate" color={WARNING}>
        {` ? ${spaced(request.code)}  ${request.name} (${request.address}, ${request.mac ?? 'no MAC'})  ${account(request)}`}
        {at === MOST_REQUEST_LINES - 1 && requests.length > MOST_REQUEST_LINES
          ? `  and ${requests.length - MOST_REQUEST_LINES} more`
          : ''}
      </Text>
    ))}
  </Box>
);
